import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { breakerShare, CLOSED, nextBreaker, type BreakerSignal, type BreakerState } from './breaker.js';

const FAIL: BreakerSignal = { kind: 'failure' };
const OK: BreakerSignal = { kind: 'success' };
const TIME: BreakerSignal = { kind: 'time' };

/** Plays signals at instants; random is always one half, so that no wait is spread. */
function play(state: BreakerState, steps: readonly (readonly [number, BreakerSignal])[]): BreakerState {
  return steps.reduce((now, [atMs, signal]) => nextBreaker(now, signal, atMs, 0.5), state);
}

const opened = play(CLOSED, [
  [0, FAIL],
  [1, FAIL],
  [2, FAIL],
]);
const halfOpen = play(opened, [[1_002, TIME]]);
const ramp = play(halfOpen, [
  [1_100, OK],
  [1_200, OK],
]);

describe('the breaker', () => {
  it('opens after three failures in a row within ten seconds', () => {
    expect(opened).toEqual({ kind: 'open', trips: 0, sinceMs: 2, untilMs: 1_002 });
    expect(
      play(CLOSED, [
        [0, FAIL],
        [1, FAIL],
        [10_001, FAIL],
      ]).kind,
    ).toBe('closed');
    expect(
      play(CLOSED, [
        [0, FAIL],
        [1, FAIL],
        [2, OK],
        [3, FAIL],
      ]).kind,
    ).toBe('closed');
  });

  it('opens at half of the outcomes of thirty seconds, five at least', () => {
    const mixed = [OK, FAIL, OK, FAIL, OK, FAIL] as const;
    expect(
      play(
        CLOSED,
        mixed.map((signal, n) => [n * 1_000, signal]),
      ).kind,
    ).toBe('open');
    expect(
      play(
        CLOSED,
        mixed.map((signal, n) => [n * 20_000, signal]),
      ).kind,
    ).toBe('closed');
  });

  it('lets nothing through while it waits, and a trial when the wait is over', () => {
    expect(breakerShare(opened)).toBe(0);
    expect(play(opened, [[1_001, TIME]])).toBe(opened);
    expect(halfOpen).toEqual({ kind: 'half-open', trips: 0, successes: 0 });
  });

  it('doubles its wait with each failed trial, up to a minute, spread by a fifth', () => {
    expect(play(halfOpen, [[2_000, FAIL]])).toMatchObject({ kind: 'open', trips: 1, untilMs: 4_000 });
    const late: BreakerState = { kind: 'half-open', trips: 20, successes: 0 };
    expect(nextBreaker(late, FAIL, 0, 0)).toMatchObject({ untilMs: 48_000 });
    const longest = nextBreaker(late, FAIL, 0, 0.999);
    expect(longest.kind === 'open' ? longest.untilMs : 0).toBeCloseTo(72_000, -2);
  });

  it('waits as long as the provider asks, up to five minutes', () => {
    expect(nextBreaker(halfOpen, { kind: 'failure', retryAfterMs: 30_000 }, 0, 0.5)).toMatchObject({ untilMs: 30_000 });
    expect(nextBreaker(halfOpen, { kind: 'failure', retryAfterMs: 9e9 }, 0, 0.5)).toMatchObject({ untilMs: 300_000 });
  });

  it('goes to half-open early when a probe succeeds after half of the wait, and is not closed by probes', () => {
    expect(play(opened, [[400, { kind: 'probed' }]])).toBe(opened);
    expect(play(opened, [[600, { kind: 'probed' }]]).kind).toBe('half-open');
    expect(play(halfOpen, [[1_100, { kind: 'probed' }]])).toBe(halfOpen);
  });

  it('ramps up after two successes, step by step, and closes', () => {
    expect(ramp).toMatchObject({ kind: 'ramp', step: 0 });
    expect(breakerShare(ramp)).toBe(0.1);
    const shares: number[] = [];
    let state = ramp;
    for (let n = 0; state.kind === 'ramp'; n++) {
      shares.push(breakerShare(state));
      state = nextBreaker(state, OK, 1_300 + n, 0.5);
    }
    expect([...new Set(shares)]).toEqual([0.1, 0.25, 0.5, 1]);
    expect(shares).toHaveLength(40);
    expect(state).toEqual(CLOSED);
  });

  it('also climbs by time, five seconds a step', () => {
    expect(play(ramp, [[6_300, TIME]])).toMatchObject({ kind: 'ramp', step: 1 });
  });

  it('opens again, for longer, when more than a fifth of a ramp fails', () => {
    const failing = play(ramp, [
      [1_300, OK],
      [1_301, OK],
      [1_302, OK],
      [1_303, FAIL],
      [1_304, FAIL],
    ]);
    expect(failing).toMatchObject({ kind: 'open', trips: 1 });
  });

  it('always reaches a state that admits again when time passes', () => {
    const signals = fc.array(fc.tuple(fc.nat(5_000), fc.constantFrom(FAIL, OK, TIME, { kind: 'probed' } as const)), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(signals, (steps) => {
        let nowMs = 0;
        let state: BreakerState = CLOSED;
        for (const [gapMs, signal] of steps) {
          nowMs += gapMs;
          state = nextBreaker(state, signal, nowMs, 0.5);
          if (state.kind === 'closed') expect(state.outcomes.length).toBeLessThanOrEqual(20);
        }
        expect(breakerShare(nextBreaker(state, TIME, nowMs + 300_000, 0.5))).toBeGreaterThan(0);
      }),
    );
  });
});
