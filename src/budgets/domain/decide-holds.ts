import { picoUsd, ZERO, type PicoUsd } from '../../platform/money/index.js';
import type { Criticality } from '../../platform/security/index.js';
import type { BudgetMetric, Enforcement } from './budget.js';
import {
  changeOf,
  postedOn,
  raisedBy,
  type Hold,
  type HoldLine,
  type Resize,
  type ServedDeployment,
  type Settle,
} from './hold.js';

/** A balance as it stands under its lock. */
export interface Balance {
  readonly id: number;
  readonly metric: BudgetMetric;
  readonly enforcement: Enforcement;
  readonly limit: PicoUsd;
  /** What overrides and rollover add. */
  readonly extra: PicoUsd;
  /** Share kept for `critical` and above, in 1/10000. */
  readonly carveOutBp: number;
  readonly posted: PicoUsd;
  readonly held: PicoUsd;
}

/** One candidate of an ask: what it would hold on which balances. */
export interface AskCandidate {
  readonly deploymentId: string;
  readonly served: ServedDeployment;
  readonly worst: PicoUsd;
  readonly lines: readonly AskLine[];
}

/** A worst case on one balance. `own`: the balance counts only some deployments (a PROVIDER or MODEL budget). */
export interface AskLine {
  readonly balanceId: number;
  readonly metric: BudgetMetric;
  readonly amount: PicoUsd;
  readonly own: boolean;
}

/** A call that wants its worst case held. Candidates in the order of the plan. */
export interface ReadyAsk {
  readonly holdId: string;
  readonly orgId: string;
  readonly requestId: string;
  readonly currency: string;
  readonly criticality: Criticality;
  readonly candidates: readonly AskCandidate[];
  readonly openedAtMs: number;
  readonly expiresAtMs: number;
  /** The hold of the same call that it adds to; null: it makes one. */
  readonly extends: Hold | null;
}

/** What became of an ask. */
export type Decision =
  | { readonly kind: 'held'; readonly hold: Hold; readonly taken: Hold; readonly keep: readonly string[] }
  /** It would fit, but other calls in flight hold the room. */
  | { readonly kind: 'contended'; readonly balanceId: number }
  | { readonly kind: 'exhausted'; readonly balanceId: number; readonly short: PicoUsd };

/** Movement of one balance by a whole flush. */
export interface Delta {
  held: bigint;
  posted: bigint;
  /** What new holds take, before anything that is given back: only they need to fit. */
  asked: bigint;
}

const RANK: Readonly<Record<Criticality, number>> = {
  'critical-plus': 0,
  critical: 1,
  'sheddable-plus': 2,
  sheddable: 3,
};
const WHOLE_BP = 10_000n;

/** What a class may use of a balance: lower classes leave the carved-out share alone. */
export function capOf(balance: Pick<Balance, 'limit' | 'extra' | 'carveOutBp'>, criticality: Criticality): bigint {
  const carved =
    RANK[criticality] <= 1 ? balance.limit : (balance.limit * (WHOLE_BP - BigInt(balance.carveOutBp))) / WHOLE_BP;
  return carved + balance.extra;
}

/** The hold of the kept candidates: a shared balance at their maximum, a balance of some deployments at its own candidates'. */
export function holdOf(ask: ReadyAsk, kept: readonly AskCandidate[]): Hold {
  const lines = new Map<number, { metric: BudgetMetric; amount: PicoUsd; own: boolean; served: ServedDeployment[] }>();
  let amount: PicoUsd = ZERO;
  for (const candidate of kept) {
    if (candidate.worst > amount) amount = candidate.worst;
    for (const line of candidate.lines) {
      const known = lines.get(line.balanceId);
      if (known === undefined) {
        lines.set(line.balanceId, {
          metric: line.metric,
          amount: line.amount,
          own: line.own,
          served: [candidate.served],
        });
        continue;
      }
      if (line.amount > known.amount) known.amount = line.amount;
      known.served.push(candidate.served);
    }
  }
  const held: HoldLine[] = [...lines]
    .sort(([a], [b]) => a - b)
    .map(([balanceId, line]) => ({
      balanceId,
      metric: line.metric,
      amount: line.amount,
      only: line.own ? line.served : null,
    }));
  const { holdId: id, orgId, requestId, currency, openedAtMs, expiresAtMs } = ask;
  return { id, orgId, requestId, currency, amount, lines: held, openedAtMs, expiresAtMs, revision: 0 };
}

/** An admission: `taken` is what it moves, `hold` the hold as it stands afterwards. */
export function admit(ask: ReadyAsk, kept: readonly AskCandidate[]): Extract<Decision, { kind: 'held' }> {
  const taken = holdOf(ask, kept);
  const hold = ask.extends === null ? taken : raisedBy(ask.extends, taken);
  return { kind: 'held', hold, taken, keep: kept.map(({ deploymentId }) => deploymentId) };
}

function move(deltas: Map<number, Delta>, balanceId: number, by: Partial<Delta>): void {
  const { held = 0n, posted = 0n, asked = 0n } = by;
  const delta = deltas.get(balanceId);
  if (delta === undefined) deltas.set(balanceId, { held, posted, asked });
  else {
    delta.held += held;
    delta.posted += posted;
    delta.asked += asked;
  }
}

/** What is moved before anybody asks. */
export interface GivenBack {
  readonly settles: readonly Settle[];
  readonly shrinks?: readonly Resize[];
  /** Late truth: what is posted afterwards, by balance; may be negative. */
  readonly corrections?: readonly { readonly balanceId: number; readonly posted: PicoUsd }[];
}

/** What settlements, shrinks and corrections move: the hold goes, the charge comes. */
export function givenBack({ settles, shrinks = [], corrections = [] }: GivenBack): Map<number, Delta> {
  const deltas = new Map<number, Delta>();
  for (const { balanceId, posted } of corrections) move(deltas, balanceId, { posted });
  for (const shrink of shrinks) {
    const changes = changeOf(shrink);
    for (const [index, { balanceId }] of shrink.to.lines.entries()) {
      move(deltas, balanceId, { held: changes[index] ?? 0n });
    }
  }
  for (const settle of settles) {
    for (const line of settle.hold.lines) {
      move(deltas, line.balanceId, { held: 0n - line.amount, posted: postedOn(line, settle) });
    }
  }
  return deltas;
}

/** Adds what a hold takes. */
export function addHold(deltas: Map<number, Delta>, hold: Hold): void {
  for (const { balanceId, amount } of hold.lines) move(deltas, balanceId, { held: amount, asked: amount });
}

interface Shortage {
  readonly balanceId: number;
  readonly exhausted: boolean;
  readonly short: PicoUsd;
}

/** The balance that stands against a candidate; undefined when it fits everywhere. One whose money is spent stands before
 *  those that only wait for other calls: the candidate cannot fit whoever gives back. */
function shortageOf(
  candidate: AskCandidate,
  state: {
    readonly balances: ReadonlyMap<number, Balance>;
    readonly deltas: ReadonlyMap<number, Delta>;
    readonly criticality: Criticality;
  },
): Shortage | undefined {
  let waits: Shortage | undefined;
  for (const line of [...candidate.lines].sort((a, b) => a.balanceId - b.balanceId)) {
    const balance = state.balances.get(line.balanceId);
    if (balance === undefined) throw new Error(`Balance ${String(line.balanceId)} is not locked`);
    if (balance.enforcement !== 'HARD') continue;
    const delta = state.deltas.get(line.balanceId);
    const posted = balance.posted + (delta?.posted ?? 0n);
    const held = balance.held + (delta?.held ?? 0n);
    const cap = capOf(balance, state.criticality);
    if (posted + held + line.amount <= cap) continue;
    const over = posted + line.amount - cap;
    if (over > 0n) return { balanceId: line.balanceId, exhausted: true, short: picoUsd(over) };
    waits ??= { balanceId: line.balanceId, exhausted: false, short: ZERO };
  }
  return waits;
}

/** Decides a flush. What is given back first, then asks by criticality and arrival; each admission is visible to the next. Candidates that do
 *  not fit are dropped; an ask is refused only when none fits. Pure: same input, same verdicts. */
export function decideHolds(
  balances: ReadonlyMap<number, Balance>,
  before: GivenBack,
  asks: readonly ReadyAsk[],
): { readonly decisions: ReadonlyMap<ReadyAsk, Decision>; readonly deltas: ReadonlyMap<number, Delta> } {
  const deltas = givenBack(before);
  const decisions = new Map<ReadyAsk, Decision>();
  const ordered = [...asks].sort((a, b) => RANK[a.criticality] - RANK[b.criticality]);
  for (const ask of ordered) {
    const kept: AskCandidate[] = [];
    let shortage: Shortage | undefined;
    for (const candidate of ask.candidates) {
      const found = shortageOf(candidate, { balances, deltas, criticality: ask.criticality });
      if (found === undefined) kept.push(candidate);
      // Contention is the milder answer: it stands when any candidate could fit later.
      else if (shortage === undefined || (shortage.exhausted && !found.exhausted)) shortage = found;
    }
    if (kept.length > 0) {
      const decision = admit(ask, kept);
      addHold(deltas, decision.taken);
      decisions.set(ask, decision);
    } else if (shortage === undefined) throw new Error('An ask has at least one candidate');
    else if (shortage.exhausted)
      decisions.set(ask, { kind: 'exhausted', balanceId: shortage.balanceId, short: shortage.short });
    else decisions.set(ask, { kind: 'contended', balanceId: shortage.balanceId });
  }
  return { decisions, deltas };
}
