import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { parseAmount, picoUsd } from '../../platform/money/index.js';
import {
  crossingsOf,
  DEFAULT_THRESHOLDS,
  nextStep,
  readThreshold,
  writeThreshold,
  type ThresholdState,
} from './thresholds.js';

const cross = (before: number, after: number, limit = 100) => {
  const { passed, exhausted } = crossingsOf(DEFAULT_THRESHOLDS, {
    postedBefore: picoUsd(BigInt(before)),
    postedAfter: picoUsd(BigInt(after)),
    limit: picoUsd(BigInt(limit)),
  });
  return { at: passed.map(({ id }) => id), exhausted };
};
const EIGHTY = 'ACTUAL-80-PERCENT';
const WHOLE = 'ACTUAL-100-PERCENT';

describe('readThreshold', () => {
  it('fills what is left out', () => {
    expect(writeThreshold(readThreshold({ at: '80' }))).toEqual({
      at: '80',
      unit: 'PERCENT',
      basis: 'ACTUAL',
      level: 'WARNING',
      resolveAt: '75',
    });
    expect(writeThreshold(readThreshold({ at: '40.5', unit: 'AMOUNT', basis: 'COMMITTED' }))).toEqual({
      at: '40.5',
      unit: 'AMOUNT',
      basis: 'COMMITTED',
      level: 'WARNING',
      resolveAt: '38.475',
    });
    expect(readThreshold({ at: '120' }).level).toBe('CRITICAL');
  });

  it('refuses a threshold that could never be quiet', () => {
    expect(() => readThreshold({ at: '80', resolveAt: '80' })).toThrow(RangeError);
    expect(() => readThreshold({ at: '0' })).toThrow(RangeError);
  });
});

describe('crossingsOf', () => {
  it('announces 80 % and 100 % at their edge, not before', () => {
    expect(cross(0, 79)).toEqual({ at: [], exhausted: false });
    expect(cross(79, 80)).toEqual({ at: [EIGHTY], exhausted: false });
    expect(cross(80, 99)).toEqual({ at: [], exhausted: false });
    expect(cross(0, 100)).toEqual({ at: [EIGHTY, WHOLE], exhausted: true });
  });

  it('announces each threshold once while spending grows', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 30 }), (steps) => {
        let posted = 0;
        const fired: string[] = [];
        for (const step of steps) {
          fired.push(...cross(posted, posted + step).at);
          posted += step;
        }
        expect(fired).toEqual([...(posted >= 80 ? [EIGHTY] : []), ...(posted >= 100 ? [WHOLE] : [])]);
      }),
    );
  });
});

describe('nextStep', () => {
  const committed = readThreshold({ at: '80', basis: 'COMMITTED' });
  const at = (value: string, atMs: number, ended = false) => ({
    value: parseAmount(value),
    limit: parseAmount('100'),
    atMs,
    ended,
  });

  it('fires on reserved money only when it stays for a minute', () => {
    const quiet: ThresholdState = { state: 'ok', pendingSinceMs: null };
    expect(nextStep(committed, quiet, at('80', 0))).toBe('pend');
    const waiting: ThresholdState = { state: 'ok', pendingSinceMs: 0 };
    expect(nextStep(committed, waiting, at('90', 59_999))).toBe('none');
    expect(nextStep(committed, waiting, at('79.9', 30_000))).toBe('unpend');
    expect(nextStep(committed, waiting, at('80', 60_000))).toBe('fire');
  });

  it('is quiet again below its lower edge, and at the end of the window', () => {
    const firing: ThresholdState = { state: 'firing', pendingSinceMs: null };
    expect(nextStep(committed, firing, at('76', 0))).toBe('none');
    expect(nextStep(committed, firing, at('75', 0))).toBe('none');
    expect(nextStep(committed, firing, at('74.999999999999', 0))).toBe('calm');
    expect(nextStep(committed, firing, at('99', 0, true))).toBe('calm');
  });

  it('threshold transitions alternate whatever is spent, given back and changed', () => {
    const step = fc.record({
      value: fc.nat({ max: 200 }),
      limit: fc.integer({ min: 1, max: 200 }),
      wait: fc.nat({ max: 90_000 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(committed, DEFAULT_THRESHOLDS[0] ?? committed),
        fc.array(step),
        (threshold, steps) => {
          let state: ThresholdState = { state: 'ok', pendingSinceMs: null };
          let atMs = 0;
          const transitions: string[] = [];
          for (const { value, limit, wait } of steps) {
            atMs += wait;
            const now = { value: picoUsd(BigInt(value)), limit: picoUsd(BigInt(limit)), atMs, ended: false };
            const next = nextStep(threshold, state, now);
            if (next === 'fire' || next === 'calm') transitions.push(next);
            if (next === 'fire') state = { state: 'firing', pendingSinceMs: null };
            else if (next === 'calm' || next === 'unpend') state = { state: 'ok', pendingSinceMs: null };
            else if (next === 'pend') state = { state: 'ok', pendingSinceMs: atMs };
          }
          transitions.forEach((one, index) => {
            expect(one).toBe(index % 2 === 0 ? 'fire' : 'calm');
          });
        },
      ),
    );
  });
});
