import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { PERIODS, type Period } from './budget.js';
import { windowAt, type Window } from './window-at.js';

const ZONES = Intl.supportedValuesOf('timeZone');
const FROM = Date.UTC(2000, 0, 1);
const TO = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;
const rule = (period: Period, timeZone: string, weekStart = 1) => ({ period, timeZone, weekStart, custom: null });

function at(period: Period, zone: string, instant: string): Window {
  const window = windowAt(rule(period, zone), Date.parse(instant));
  if (window === undefined) throw new Error('No window');
  return window;
}
const shown = ({ startsAtMs, endsAtMs }: Window): string[] =>
  [startsAtMs, endsAtMs].map((ms) => new Date(ms).toISOString().replace('.000', ''));

describe('windowAt', () => {
  it('windows of a zone tile time without gap or overlap', () => {
    const calendar = PERIODS.filter((period) => period !== 'LIFETIME' && period !== 'CUSTOM');
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.constantFrom(...calendar),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: FROM, max: TO }),
        (zone, period, weekStart, atMs) => {
          const own = rule(period, zone, weekStart);
          const window = windowAt(own, atMs);
          if (window === undefined) throw new Error('No window');
          expect(window.startsAtMs).toBeLessThanOrEqual(atMs);
          expect(window.endsAtMs).toBeGreaterThan(atMs);
          expect(windowAt(own, window.startsAtMs)).toEqual(window);
          expect(windowAt(own, window.endsAtMs - 1)).toEqual(window);
          expect(windowAt(own, window.endsAtMs)?.startsAtMs).toBe(window.endsAtMs);
          expect(windowAt(own, window.startsAtMs - 1)?.endsAtMs).toBe(window.startsAtMs);
        },
      ),
      { numRuns: 400 },
    );
  });

  it.each([
    ['Africa/Casablanca', 2018],
    ['America/Sao_Paulo', 2016],
    ['America/St_Johns', 2009],
    ['America/Havana', 2011],
    ['Asia/Beirut', 2021],
    ['Pacific/Apia', 2010],
  ])('tiles every day of three years in %s', (zone, year) => {
    let window = windowAt(rule('DAY', zone), Date.UTC(year, 0, 1));
    while (window !== undefined && window.endsAtMs < Date.UTC(year + 3, 0, 1)) {
      const next = windowAt(rule('DAY', zone), window.endsAtMs);
      if (next?.startsAtMs !== window.endsAtMs) throw new Error(`Gap at ${new Date(window.endsAtMs).toISOString()}`);
      const hours = (next.endsAtMs - next.startsAtMs) / HOUR;
      if (hours < 22.5 || hours > 25.5)
        throw new Error(`${String(hours)} h at ${new Date(next.startsAtMs).toISOString()}`);
      window = next;
    }
  });

  it.each([
    ['Europe/Berlin', '2026-03-29T12:00:00Z', ['2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z']],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', ['2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z']],
    // Half an hour of daylight saving.
    ['Australia/Lord_Howe', '2026-04-05T03:00:00Z', ['2026-04-04T13:00:00Z', '2026-04-05T13:30:00Z']],
    // Midnight of 4 November 2018 does not exist.
    ['America/Sao_Paulo', '2018-11-04T12:00:00Z', ['2018-11-04T03:00:00Z', '2018-11-05T02:00:00Z']],
    // 30 December 2011 does not exist.
    ['Pacific/Apia', '2011-12-30T09:59:59Z', ['2011-12-29T10:00:00Z', '2011-12-30T10:00:00Z']],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', ['2011-12-30T10:00:00Z', '2011-12-31T10:00:00Z']],
  ])('finds the day of %s around %s', (zone, instant, expected) => {
    expect(shown(at('DAY', zone, instant))).toEqual(expected);
  });

  it('starts weeks where the budget says', () => {
    expect(shown(at('WEEK', 'UTC', '2026-11-22T10:00:00Z'))[0]).toBe('2026-11-16T00:00:00Z');
    const sunday = windowAt(rule('WEEK', 'UTC', 7), Date.parse('2026-11-22T10:00:00Z'));
    expect(new Date(sunday?.startsAtMs ?? 0).toISOString()).toBe('2026-11-22T00:00:00.000Z');
  });

  it.each([
    ['MONTH', ['2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z']],
    ['QUARTER', ['2026-10-01T00:00:00Z', '2027-01-01T00:00:00Z']],
    ['YEAR', ['2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z']],
  ] as const)('knows the %s', (period, expected) => {
    expect(shown(at(period, 'UTC', '2026-11-22T10:00:00Z'))).toEqual(expected);
  });

  it('has a custom window only inside of it', () => {
    const custom = { startsAtMs: 10, endsAtMs: 20 };
    const own = { ...rule('CUSTOM', 'UTC'), custom };
    expect([9, 10, 19, 20].map((atMs) => windowAt(own, atMs))).toEqual([undefined, custom, custom, undefined]);
  });
});
