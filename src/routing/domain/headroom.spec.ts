import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { LimitObservation } from '../../providers/index.js';
import {
  availableAt,
  availableAtMs,
  observeLimit,
  ownLimit,
  reserve,
  shareLeft,
  spend,
  unreserve,
  type Headroom,
  type Refill,
} from './headroom.js';

const report = (remaining: number, fields: Partial<LimitObservation> = {}): LimitObservation => ({
  scope: 'deployment',
  unit: 'requests',
  limit: 100,
  remaining,
  source: 'header',
  ...fields,
});
const at = (sentAtMs: number, nowMs: number, refill: Refill = 'window') => ({ sentAtMs, nowMs, refill });

function first(remaining: number, resetsAtMs?: number, refill: Refill = 'window'): Headroom {
  const fields = resetsAtMs === undefined ? {} : { resetsAtMs };
  const headroom = observeLimit(undefined, report(remaining, fields), at(900, 1_000, refill));
  if (headroom === undefined) throw new Error('Nothing was observed');
  return headroom;
}

describe('headroom by window', () => {
  it('is what was reported minus what runs and what ended since', () => {
    const running = reserve(reserve(first(10, 60_000), 1, 2_000), 1, 2_000);
    expect(availableAt(running, 3_000)).toBe(8);
    expect(availableAt(spend(unreserve(running, 1), 1, 3_000), 3_000)).toBe(8);
    expect(availableAt(spend(running, 50, 3_000), 3_000)).toBe(0);
  });

  it('is the whole limit again after the reset, less what still runs', () => {
    const used = spend(reserve(first(0, 60_000), 2, 2_000), 7, 3_000);
    expect(availableAt(used, 59_999)).toBe(0);
    expect(availableAt(used, 60_000)).toBe(98);
    expect(availableAt(used, 60_000 + 59_999)).toBe(98);
  });

  it('believes a report without a reset for a minute', () => {
    expect(availableAt(first(0), 60_999)).toBe(0);
    expect(availableAt(first(0), 61_000)).toBe(100);
  });

  it('is unknown, not zero, for a report that says nothing', () => {
    const silent: LimitObservation = { scope: 'deployment', unit: 'requests', source: 'header' };
    expect(observeLimit(undefined, silent, at(900, 1_000))).toBeUndefined();
    const known = first(7, 60_000);
    expect(observeLimit(known, { ...silent, limit: 50 }, at(900, 1_000))).toEqual({ ...known, limit: 50 });
  });

  it('takes the lower of two reports that crossed, and the later one of two in a row', () => {
    const known = first(40, 60_000);
    const crossed = (remaining: number) =>
      observeLimit(known, report(remaining, { resetsAtMs: 60_000 }), at(950, 1_100))?.base;
    expect([crossed(39), crossed(41)]).toEqual([39, 40]);
    const later = observeLimit(known, report(70, { resetsAtMs: 60_000 }), at(1_000, 1_100));
    expect(later?.base).toBe(70);
  });

  it('counts no longer what ended before the reported call was sent', () => {
    const used = spend(spend(first(40, 60_000), 5, 1_050), 3, 1_200);
    const next = observeLimit(used, report(30, { resetsAtMs: 60_000 }), at(1_100, 1_300));
    expect(next === undefined ? null : availableAt(next, 1_300)).toBe(27);
  });

  it('ignores what a report says of a window that is over', () => {
    const known = first(80, 60_000);
    const late = observeLimit(known, report(1, { resetsAtMs: 60_000 }), at(59_000, 60_500));
    expect(late === undefined ? null : availableAt(late, 60_500)).toBe(100);
  });

  it('says when a call will fit, and that some never do', () => {
    expect(availableAtMs(first(0, 60_000), 1, 2_000)).toBe(60_000);
    expect(availableAtMs(first(5, 60_000), 1, 2_000)).toBe(2_000);
    expect(availableAtMs(first(5, 60_000), 101, 2_000)).toBeNull();
  });
});

describe('headroom of a token bucket', () => {
  it('flows back at the rate that its reset tells', () => {
    // 40 of 100 are missing and come back in 20 s.
    const headroom = first(60, 21_000, 'continuous');
    expect(availableAt(headroom, 11_000)).toBeCloseTo(80);
    expect(availableAt(headroom, 99_000)).toBe(100);
    expect(availableAtMs(spend(headroom, 60, 1_000), 1, 1_000)).toBeCloseTo(1_500);
  });
});

describe('headroom of a limit that nobody reports', () => {
  it('never lets more than the limit through in any window', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 80 }),
        (limit, gaps) => {
          let headroom = ownLimit('requests', { limit, windowMs: 60_000, source: 'configured' }, 0);
          let nowMs = 0;
          const dispatched: number[] = [];
          for (const gap of gaps) {
            nowMs += gap;
            if ((availableAt(headroom, nowMs) ?? 0) < 1) continue;
            dispatched.push(nowMs);
            headroom = spend(unreserve(reserve(headroom, 1, nowMs), 1), 1, nowMs);
          }
          for (const end of dispatched) {
            const inWindow = dispatched.filter((one) => one > end - 60_000 && one <= end).length;
            expect(inWindow).toBeLessThanOrEqual(limit);
          }
        },
      ),
    );
  });
});

describe('headroom under any use', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('reserve' as const), units: fc.nat(500) }),
    fc.record({ kind: fc.constant('unreserve' as const), units: fc.nat(500) }),
    fc.record({ kind: fc.constant('spend' as const), units: fc.nat(500) }),
    fc.record({
      kind: fc.constant('report' as const),
      remaining: fc.nat(2_000),
      resetMs: fc.integer({ min: -5_000, max: 90_000 }),
    }),
  );
  const refills: readonly Refill[] = ['window', 'continuous'];

  it('headroom is never negative and never above the limit', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...refills),
        fc.array(fc.tuple(step, fc.nat(20_000)), { maxLength: 60 }),
        (refill, steps) => {
          let headroom = first(50, 60_000, refill);
          let nowMs = 1_000;
          for (const [one, gap] of steps) {
            nowMs += gap;
            if (one.kind === 'report') {
              const fields = { resetsAtMs: nowMs + one.resetMs, limit: 100 };
              const times = { sentAtMs: nowMs - 500, nowMs, refill };
              headroom = observeLimit(headroom, report(one.remaining, fields), times) ?? headroom;
            } else if (one.kind === 'reserve') headroom = reserve(headroom, one.units, nowMs);
            else if (one.kind === 'unreserve') headroom = unreserve(headroom, one.units);
            else headroom = spend(headroom, one.units, nowMs);
            const available = availableAt(headroom, nowMs) ?? 0;
            expect(available).toBeGreaterThanOrEqual(0);
            expect(available).toBeLessThanOrEqual(100);
            const share = shareLeft(headroom, nowMs, 10);
            expect(share).toBeGreaterThanOrEqual(0);
            expect(share).toBeLessThanOrEqual(1);
            expect(headroom.spent.length).toBeLessThanOrEqual(64);
          }
        },
      ),
    );
  });
});
