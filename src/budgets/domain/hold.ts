import { picoUsd, sum, ZERO, type PicoUsd } from '../../platform/money/index.js';
import type { BudgetMetric } from './budget.js';
import { unitsOf, type Posting } from './units.js';

/** A deployment as budgets tell them apart. */
export interface ServedDeployment {
  readonly providerId: string;
  /** Public name. */
  readonly model: string;
}

/** What is held on one balance. */
export interface HoldLine {
  readonly balanceId: number;
  readonly metric: BudgetMetric;
  readonly amount: PicoUsd;
  /** Deployments whose use counts here; `null`: whichever serves. */
  readonly only: readonly ServedDeployment[] | null;
}

/** Money set aside for one call. `held` until it is settled, released or expired, exactly once. */
export interface Hold {
  readonly id: string;
  readonly orgId: string;
  readonly requestId: string;
  readonly currency: string;
  /** Worst case of the dearest candidate that was kept. */
  readonly amount: PicoUsd;
  /** By balance id, no duplicates; empty when no budget covers the call. */
  readonly lines: readonly HoldLine[];
  readonly openedAtMs: number;
  readonly expiresAtMs: number;
  /** How often its amounts were changed since: whoever changes or resolves it names the state it knows. */
  readonly revision: number;
}

/** A hold before and after its amounts changed. */
export interface Resize {
  readonly hold: Hold;
  readonly to: Hold;
}

/** The hold with more on the same balances: before another attempt, when an earlier one may have been billed.
 *  @throws Error — a line for a balance that the hold has none for */
export function raisedBy(hold: Hold, more: Pick<Hold, 'amount' | 'lines'>): Hold {
  const added = new Map(more.lines.map((line) => [line.balanceId, line.amount]));
  const lines = hold.lines.map((line) => {
    const amount = added.get(line.balanceId) ?? ZERO;
    added.delete(line.balanceId);
    return { ...line, amount: picoUsd(line.amount + amount) };
  });
  if (added.size > 0) throw new Error(`Hold ${hold.id} is raised on balances it has no line for`);
  return { ...hold, lines, amount: picoUsd(hold.amount + more.amount), revision: hold.revision + 1 };
}

/** The hold without what only its other candidates could have cost; requests stay counted. Never more than before. */
export function shrunkTo(
  hold: Hold,
  serving: { readonly worst: PicoUsd; readonly lines: readonly Pick<HoldLine, 'balanceId' | 'amount'>[] },
): Hold {
  const worst = new Map(serving.lines.map(({ balanceId, amount }) => [balanceId, amount]));
  const lines = hold.lines.map((line) => {
    const most = line.metric === 'REQUESTS' ? line.amount : (worst.get(line.balanceId) ?? ZERO);
    return most < line.amount ? { ...line, amount: most } : line;
  });
  const amount = serving.worst < hold.amount ? serving.worst : hold.amount;
  return { ...hold, lines, amount, revision: hold.revision + 1 };
}

/** What a resize adds to each line; negative where it gives back. */
export function changeOf({ hold, to }: Resize): readonly PicoUsd[] {
  return to.lines.map(({ amount }, index) => picoUsd(amount - (hold.lines[index]?.amount ?? ZERO)));
}

/** What one deployment used of a call. */
export type ServedPosting = Posting & { readonly deployment: ServedDeployment };

/** The end of a hold. */
export interface Settle {
  readonly hold: Hold;
  /** All of the call: Σ over its attempts. Zero for a release. */
  readonly posted: Posting & { readonly currency: string };
  /** Where the whole charge belongs; `null` when nothing was dispatched. */
  readonly servedDeployment: ServedDeployment | null;
  /** The charge by deployment, when several were used; counts on budgets of providers and models instead of
   *  `servedDeployment`. Its amounts and tokens add up to `posted`. */
  readonly parts?: readonly ServedPosting[];
  readonly reason: 'settle' | 'release' | 'expire' | 'unknown';
}

/** True when a call cost more than was held for it: recorded, never refused. */
export function isOverrun(hold: Hold, charged: PicoUsd): boolean {
  return charged > hold.amount;
}

/** What a settlement posts on one line. */
export function postedOn(line: HoldLine, settle: Settle): PicoUsd {
  const { only } = line;
  if (only === null) return unitsOf(line.metric, settle.posted);
  const isOurs = (used: ServedDeployment): boolean =>
    only.some(({ providerId, model }) => providerId === used.providerId && model === used.model);
  if (settle.parts === undefined) {
    const ours = settle.servedDeployment !== null && isOurs(settle.servedDeployment);
    return unitsOf(line.metric, ours ? settle.posted : NOTHING);
  }
  const parts = settle.parts.filter(({ deployment }) => isOurs(deployment));
  return unitsOf(line.metric, {
    amount: addAmounts(parts),
    tokens: parts.reduce((total, { tokens }) => total + tokens, 0),
    requests: Math.min(1, parts.length),
  });
}

const NOTHING: Posting = { amount: ZERO, tokens: 0, requests: 0 };

function addAmounts(parts: readonly ServedPosting[]): PicoUsd {
  return sum(parts.map(({ amount }) => amount));
}
