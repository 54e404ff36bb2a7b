import { choicesOf } from './adapters/fan-out.js';
import type { Hedge } from './attempt-race.js';
import type { Begun, CallAttempts, CallPorts } from './call-attempts.js';
import type { CallInput, HedgeRule } from './domain/call.js';
import type { CandidateCursor } from './domain/candidate-cursor.js';
import type { Deployment } from './domain/deployment.js';

/** A first delta is late when 95 % of the deployment's answers had begun, and never before this. */
const LEAST_WAIT_MS = 200;
/** Hedges stay out of the last fifth of a deployment's concurrency. */
const MOST_LOAD = 0.8;

/** When and where a call may make a second attempt while its first is late. */
export class HedgePlan {
  readonly #rule: HedgeRule | null;

  constructor(
    input: CallInput,
    private readonly ports: CallPorts,
  ) {
    this.#rule = isHedgeable(input) ? (input.rules?.hedge ?? null) : null;
  }

  /** Counts the call among those of which a share may be hedged. */
  begins(): void {
    const { hedges, launcher } = this.ports;
    if (this.#rule !== null) hedges.of(this.#rule.account).request(launcher.clock.nowMs());
  }

  /** The hedge of an attempt; null when there is none, or when too little is known to call it late. */
  of(first: Begun, attempts: CallAttempts, cursor: CandidateCursor): Hedge | null {
    const rule = this.#rule;
    const { launcher } = this.ports;
    if (rule === null) return null;
    const usualMs = launcher.ttfts.quantile(first.deployment, 0.95);
    if (usualMs === null) return null;
    let cancel = (): void => undefined;
    const due = new Promise<void>((resolve) => {
      cancel = launcher.clock.after(Math.max(LEAST_WAIT_MS, usualMs), resolve);
    });
    return { due, cancel, begin: () => this.#begin(rule, first, { attempts, cursor }) };
  }

  #begin(
    rule: HedgeRule,
    first: Begun,
    { attempts, cursor }: { readonly attempts: CallAttempts; readonly cursor: CandidateCursor },
  ): Begun | null {
    const { hedges, launcher, gate } = this.ports;
    // A collected answer may have begun without being seen.
    if (attempts.left < 1 || first.run.record.ttftMs !== null) return null;
    const { providerId } = first.deployment;
    const isFree = (one: Deployment): boolean => one.providerId !== providerId && gate.load(one) < MOST_LOAD;
    const second = cursor.waiting.find(isFree);
    if (second === undefined) return null;
    const worst = rule.worst.get(second.id);
    const { dailyLimit } = rule;
    if (worst === undefined || !hedges.of(rule.account).take(launcher.clock.nowMs(), { worst, dailyLimit }))
      return null;
    cursor.take(second);
    return attempts.begin(second);
  }
}

/** One choice and no state at the provider: a second attempt leaves nothing behind. */
function isHedgeable({ operation, request }: CallInput): boolean {
  return operation === 'chat' && choicesOf(request) === 1 && request['store'] !== true;
}
