import type { Money } from '../../platform/money/index.js';
import type { Dimension } from './usage-filter.js';

/** One group's name and what stands for it on a screen. */
export interface GroupKey {
  readonly dimension: Dimension;
  /** Null: usage without this attribution. */
  readonly id: string | null;
  readonly label: string | null;
}

/** Sums of one group. Counts are exact integers beyond 2^53. */
export interface UsageTotals {
  readonly requests: bigint;
  readonly tokens: {
    readonly input: bigint;
    readonly cachedInput: bigint;
    readonly cacheWrite: bigint;
    readonly output: bigint;
    readonly reasoning: bigint;
  };
  readonly cost: Money;
  /** The part of `cost` that nobody confirmed. */
  readonly unconfirmed: Money;
}

/** One group at one point in time. */
export interface UsagePoint {
  readonly startMs: number | null;
  readonly key: readonly GroupKey[];
  readonly totals: UsageTotals;
}
