import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { nextConcurrency, startConcurrency, type Concurrency, type ConcurrencySignal } from './concurrency.js';

function run(state: Concurrency, signals: readonly ConcurrencySignal[], inFlight: number, max = 512): Concurrency {
  return signals.reduce((now, signal) => nextConcurrency(now, signal, { inFlight, max }), state);
}
const successes = (count: number): ConcurrencySignal[] => Array.from({ length: count }, () => 'success');

describe('the concurrency limit', () => {
  it('starts at 8, or at what the operator allows', () => {
    expect([startConcurrency(512).limit, startConcurrency(3).limit]).toEqual([8, 3]);
  });

  it('doubles per round until something speaks against it, then grows by one per round', () => {
    const doubled = run(startConcurrency(512), successes(8), 8);
    expect(doubled.limit).toBe(16);
    const less = run(doubled, ['overload'], 16);
    expect(less.limit).toBe(11);
    expect(run(less, successes(11), 11).limit).toBe(12);
    expect(run(less, successes(10), 11).limit).toBe(11);
  });

  it('does not grow while less than 80 % of it is used', () => {
    expect(run(startConcurrency(512), successes(64), 6).limit).toBe(8);
    expect(run(startConcurrency(512), successes(8), 7).limit).toBe(16);
  });

  it('shrinks once per round: what was in flight at a decrease says nothing new', () => {
    const wide = { ...startConcurrency(512), limit: 100 };
    const once = run(wide, ['overload'], 100);
    expect(once.limit).toBe(70);
    expect(
      run(
        once,
        Array.from({ length: 99 }, () => 'overload' as const),
        70,
      ).limit,
    ).toBe(70);
    expect(
      run(
        once,
        Array.from({ length: 101 }, () => 'overload' as const),
        70,
      ).limit,
    ).toBe(49);
  });

  it('stays within 1 and the maximum, whatever happens', () => {
    const signal = fc.constantFrom<ConcurrencySignal>('success', 'overload', 'neutral');
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.array(fc.tuple(signal, fc.nat(80)), { maxLength: 300 }),
        (max, steps) => {
          let state = startConcurrency(max);
          for (const [one, inFlight] of steps) {
            state = nextConcurrency(state, one, { inFlight, max });
            expect(state.limit).toBeGreaterThanOrEqual(1);
            expect(state.limit).toBeLessThanOrEqual(max);
          }
        },
      ),
    );
  });
});
