import type { Hold } from '../../budgets/index.js';
import { picoUsd, sum, type PicoUsd } from '../../platform/money/index.js';
import type { AttemptRecord, CallInput, CallRules, Deployment } from '../../providers/index.js';
import type { OpenedCall } from '../settlement/open-call.js';
import type { SettlementService } from '../settlement/settlement.service.js';

/** Sees to it that a call holds enough for its next attempt: what earlier ones may be billed plus the worst case of the next.
 *  Attempts that cannot have been billed count nothing, so a hard failure waits for no database. Source: money page §4.6. */
export class HoldCover {
  readonly #extensions: Hold[] = [];

  constructor(
    private readonly opened: OpenedCall,
    private readonly rules: CallRules,
    private readonly settlement: Pick<SettlementService, 'charge' | 'extend'>,
  ) {}

  /** What was held beside the first hold, in order. */
  get extensions(): readonly Hold[] {
    return this.#extensions;
  }

  /** True when the next attempt is covered; else resolves once more is held, to false when a budget has no room for it. */
  readonly covers: NonNullable<CallInput['covers']> = (attempts, next) => {
    const billed = attempts.filter((attempt) => attempt.billed !== 'no');
    if (billed.length === 0) return true;
    const missing = this.#spent(billed) + this.#worstOf(next) - this.#held();
    return missing <= 0n || this.#extend(next, picoUsd(missing));
  };

  async #extend(next: Deployment, missing: PicoUsd): Promise<boolean> {
    const { inputTokens, outputBound, currency } = this.opened;
    const { id, providerId, model } = next;
    const hold = await this.settlement.extend(this.opened, {
      deployment: { id, providerId, model },
      currency,
      worst: missing,
      worstTokens: inputTokens + outputBound,
    });
    if (hold === null) return false;
    this.#extensions.push(hold);
    return true;
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

  #held(): bigint {
    return sum([this.opened.hold, ...this.#extensions].map(({ amount }) => amount));
  }
}
