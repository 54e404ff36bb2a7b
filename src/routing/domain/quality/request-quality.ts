import type { Money } from '../../../platform/money/index.js';
import type { QualityGoal } from './choose-by-quality.js';
import type { QualityEstimate } from './quality-cell.js';

/** What is known about one model in the task of a request. */
export interface ModelQuality {
  readonly cell?: QualityEstimate | undefined;
  /** What its head says of the prompt. */
  readonly head?: number | undefined;
  readonly isApproved?: boolean | undefined;
}

/** How quality takes part in a choice. */
export interface RequestQuality {
  /** Hash of the knowledge the numbers are from; null: nothing was ever learned. */
  readonly knowledge: string | null;
  /** Models that the policy trusts in this task, best first; not empty. */
  readonly baselines: readonly string[];
  readonly goal: QualityGoal & { readonly measure: number };
  /** Mean cost of the baseline, which utility measures cost in; null where only the order of costs matters. */
  readonly baselineCost: Money | null;
  readonly models: ReadonlyMap<string, ModelQuality>;
}
