import type { Hold } from '../../budgets/index.js';
import type { Clock } from '../../platform/clock/index.js';
import { picoUsd, type PicoUsd } from '../../platform/money/index.js';
import type { AttemptRecord, CallInput, CallRules, Deployment, ProviderCall } from '../../providers/index.js';
import type { OpenedCall } from '../settlement/open-call.js';
import type { SettlementService } from '../settlement/settlement.service.js';

/** Answers that end sooner give everything back at their end anyway. */
const SHRINK_AFTER_MS = 250;

/** Keeps the hold of a running call as large as it has to be, and no larger. Before another attempt it must cover what earlier ones
 *  may be billed plus the worst case of the next; attempts that cannot have been billed count nothing, so a hard failure waits for
 *  no database. Once an answer runs, what only other candidates could have cost is given back. Source: money page §4.5, §4.6. */
export class HoldCover {
  #hold: Hold;
  #shrinking: Promise<void> | undefined;
  #cancelShrink: (() => void) | undefined;

  constructor(
    private readonly opened: OpenedCall,
    private readonly rules: CallRules,
    private readonly settlement: Pick<SettlementService, 'charge' | 'extend' | 'shrink'>,
    private readonly clock: Pick<Clock, 'after'>,
  ) {
    this.#hold = opened.hold;
  }

  /** True when the next attempt is covered; else resolves once more is held, to false when a budget has no room for it. */
  readonly covers: NonNullable<CallInput['covers']> = (attempts, next) => {
    const billed = attempts.filter((attempt) => attempt.billed !== 'no');
    if (billed.length === 0) return true;
    return this.#coversBeside(billed, next);
  };

  /** Notes that an answer runs; costs nothing when it is told again. */
  serving(call: ProviderCall): void {
    if (this.#cancelShrink !== undefined || this.opened.plan.length < 2) return;
    this.#cancelShrink = this.clock.after(SHRINK_AFTER_MS, () => {
      // What fails here only keeps more held than is needed, until the end.
      this.#shrinking = this.#shrink(call).catch(() => undefined);
    });
  }

  /** The hold as it stands at the end of the call; it does not change any more. */
  async close(): Promise<Hold> {
    this.#cancelShrink?.();
    await this.#shrinking;
    return this.#hold;
  }

  async #coversBeside(billed: readonly AttemptRecord[], next: Deployment): Promise<boolean> {
    await this.#shrinking;
    const missing = this.#spent(billed) + this.#worstOf(next) - this.#hold.amount;
    return missing <= 0n || this.#extend(next, picoUsd(missing));
  }

  async #extend(next: Deployment, missing: PicoUsd): Promise<boolean> {
    const hold = await this.settlement.extend(this.opened, this.#hold, this.#candidate(next, missing));
    if (hold === null) return false;
    this.#hold = hold;
    return true;
  }

  /** Only where no other attempt may cost anything: its worst case is then all that is left. */
  async #shrink({ attempts, committed }: ProviderCall): Promise<void> {
    if (committed === null || attempts.some((one) => one.n !== committed.n && one.billed !== 'no')) return;
    const { deployment } = committed;
    const worst = picoUsd(this.#worstOf(deployment));
    if (worst >= this.#hold.amount && !this.#hasLinesOfOthers(deployment)) return;
    const hold = await this.settlement.shrink(this.opened, this.#hold, this.#candidate(deployment, worst));
    if (hold !== null) this.#hold = hold;
  }

  #hasLinesOfOthers({ providerId, model }: Deployment): boolean {
    return this.#hold.lines.some(
      ({ only, amount }) =>
        amount > 0n && only?.every((one) => one.providerId !== providerId || one.model !== model) === true,
    );
  }

  #candidate({ id, providerId, model }: Deployment, worst: PicoUsd): Parameters<SettlementService['extend']>[2] {
    const { worstTokens, currency } = this.opened;
    return { deployment: { id, providerId, model }, currency, worst, worstTokens };
  }

  #spent(attempts: readonly AttemptRecord[]): bigint {
    return this.settlement.charge(this.opened, attempts).cost;
  }

  #worstOf({ id }: Deployment): bigint {
    const worst =
      this.rules.hedge?.worst.get(id) ?? this.opened.plan.find(({ deployment }) => deployment.id === id)?.worst;
    if (worst === undefined) throw new Error(`An attempt left the plan: ${id}`);
    return worst;
  }
}
