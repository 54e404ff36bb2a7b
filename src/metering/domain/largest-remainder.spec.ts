import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { splitByWeight } from './largest-remainder.js';

const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 14n }), { minLength: 1, maxLength: 40 });
const amount = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n });

describe('splitByWeight', () => {
  it('gives shares that sum to the amount, each within one unit of its part', () => {
    fc.assert(
      fc.property(amount, weights, (whole, list) => {
        const shares = splitByWeight(whole, list);
        expect(shares.reduce((sum, share) => sum + share, 0n)).toBe(whole);
        const total = list.reduce((sum, weight) => sum + weight, 0n);
        fc.pre(total > 0n);
        for (const [index, share] of shares.entries()) {
          const distance = share * total - whole * (list[index] ?? 0n);
          expect(distance < 0n ? -distance : distance).toBeLessThan(total);
          expect(share === 0n || share < 0n === whole < 0n).toBe(true);
        }
      }),
    );
  });

  it('gives what rounding leaves to the largest remainders', () => {
    expect(splitByWeight(10n, [1n, 1n, 1n])).toEqual([4n, 3n, 3n]);
    expect(splitByWeight(-7n, [5n, 2n, 3n])).toEqual([-4n, -1n, -2n]);
    expect(splitByWeight(5n, [0n, 0n])).toEqual([3n, 2n]);
    expect(() => splitByWeight(1n, [])).toThrow(RangeError);
  });
});
