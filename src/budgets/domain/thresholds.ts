import type { PicoUsd } from '../../platform/money/index.js';
import { DEFAULT_THRESHOLDS } from './budget.js';

const PERCENT = 100n;

/** A balance before and after a flush. */
export interface Movement {
  readonly postedBefore: PicoUsd;
  readonly postedAfter: PicoUsd;
  readonly limit: PicoUsd;
}

/** Which percentages of the limit a movement passed upwards, in rising order, and whether the limit itself was reached. Old and
 *  new value lie on different sides, so each window announces each threshold once. Pure. */
export function crossingsOf({ postedBefore, postedAfter, limit }: Movement): {
  readonly at: readonly number[];
  readonly exhausted: boolean;
} {
  if (limit <= 0n) return { at: [], exhausted: postedBefore <= 0n && postedAfter > 0n };
  const passed = (percent: number): boolean => {
    const edge = limit * BigInt(percent);
    return postedBefore * PERCENT < edge && postedAfter * PERCENT >= edge;
  };
  const at = DEFAULT_THRESHOLDS.map((threshold) => threshold.at).filter(passed);
  return { at, exhausted: postedBefore < limit && postedAfter >= limit };
}
