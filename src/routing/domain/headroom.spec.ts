import { describe, expect, it } from '@jest/globals';

import { availableAt, observeLimit, reserve, shareLeft, type Headroom } from './headroom.js';

const at = { nowMs: 1_000, inFlight: 0 };

function observed(remaining: number, resetsAtMs?: number): Headroom {
  const report = { scope: 'deployment', unit: 'requests', limit: 100, remaining, source: 'header' } as const;
  const headroom = observeLimit(undefined, resetsAtMs === undefined ? report : { ...report, resetsAtMs }, at);
  if (headroom === undefined) throw new Error('Nothing was observed');
  return headroom;
}

describe('headroom', () => {
  it('is what was reported minus what was sent since', () => {
    const headroom = reserve(reserve(observed(3, 60_000), 1, 2_000), 1, 2_000);
    expect(availableAt(headroom, 3_000)).toBe(1);
    expect(availableAt(reserve(reserve(headroom, 1, 3_000), 1, 3_000), 3_000)).toBe(0);
  });

  it('counts what was in flight when the report was written', () => {
    const report = { scope: 'deployment', unit: 'requests', limit: 100, remaining: 10, source: 'header' } as const;
    const headroom = observeLimit(undefined, report, { nowMs: 1_000, inFlight: 4 });
    expect(headroom === undefined ? null : availableAt(headroom, 1_000)).toBe(6);
  });

  it('is the whole limit again after the reset', () => {
    const headroom = observed(0, 60_000);
    expect(availableAt(headroom, 59_999)).toBe(0);
    expect(availableAt(headroom, 60_000)).toBe(100);
    expect(availableAt(reserve(headroom, 1, 60_000), 60_001)).toBe(99);
  });

  it('believes a report without a reset for a minute', () => {
    expect(availableAt(observed(0), 60_999)).toBe(0);
    expect(availableAt(observed(0), 61_000)).toBe(100);
  });

  it('is unknown, not zero, for a report that says nothing', () => {
    expect(observeLimit(undefined, { scope: 'deployment', unit: 'requests', source: 'header' }, at)).toBeUndefined();
    const known = observed(7, 60_000);
    expect(observeLimit(known, { scope: 'deployment', unit: 'requests', limit: 50, source: 'header' }, at)).toEqual({
      ...known,
      limit: 50,
    });
  });

  it('gives the share that is left', () => {
    expect(shareLeft(observed(25, 60_000), 2_000)).toBe(0.25);
    expect(shareLeft(observed(0, 60_000), 2_000)).toBe(0);
  });
});
