import { describe, expect, it } from '@jest/globals';

import { MAX_ATTEMPTS, waitBeforeRetry } from './retry-schedule.js';

const HOUR = 3_600_000;

describe('waitBeforeRetry', () => {
  it('waits as published, ten tries in about three days', () => {
    const waits = Array.from({ length: MAX_ATTEMPTS }, (_, index) => waitBeforeRetry(index + 1, 0));
    expect(waits).toEqual([
      5_000,
      300_000,
      1_800_000,
      2 * HOUR,
      5 * HOUR,
      10 * HOUR,
      14 * HOUR,
      20 * HOUR,
      24 * HOUR,
      null,
    ]);
  });

  it('spreads by at most a fifth, and only upwards', () => {
    expect(waitBeforeRetry(1, 0.5)).toBe(5_500);
    expect(waitBeforeRetry(1, 0.999_999)).toBeLessThanOrEqual(6_000);
  });

  it('waits as long as the receiver asks for, but never more than a day', () => {
    expect(waitBeforeRetry(1, 0, 60_000)).toBe(60_000);
    expect(waitBeforeRetry(1, 0, 999 * HOUR)).toBe(24 * HOUR);
    expect(waitBeforeRetry(4, 0, 60_000)).toBe(2 * HOUR);
  });
});
