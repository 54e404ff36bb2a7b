import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { picoUsd } from '../../platform/money/index.js';
import { crossingsOf } from './thresholds.js';

const cross = (before: number, after: number, limit = 100) =>
  crossingsOf({
    postedBefore: picoUsd(BigInt(before)),
    postedAfter: picoUsd(BigInt(after)),
    limit: picoUsd(BigInt(limit)),
  });

describe('crossingsOf', () => {
  it('announces 80 % and 100 % at their edge, not before', () => {
    expect(cross(0, 79)).toEqual({ at: [], exhausted: false });
    expect(cross(79, 80)).toEqual({ at: [80], exhausted: false });
    expect(cross(80, 99)).toEqual({ at: [], exhausted: false });
    expect(cross(0, 100)).toEqual({ at: [80, 100], exhausted: true });
  });

  it('announces each threshold once while spending grows', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 30 }), (steps) => {
        let posted = 0;
        const fired: number[] = [];
        for (const step of steps) {
          fired.push(...cross(posted, posted + step).at);
          posted += step;
        }
        expect(fired).toEqual([...(posted >= 80 ? [80] : []), ...(posted >= 100 ? [100] : [])]);
      }),
    );
  });
});
