import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { coarsest, coverRange } from './cover-range.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const T0 = Date.UTC(2026, 9, 1);

describe('coverRange', () => {
  it('tiles any range without gap or overlap, sums only where they are complete and whole', () => {
    const instant = fc.integer({ min: T0, max: T0 + 40 * DAY });
    const source = fc.constantFrom('record' as const, 'hour' as const, 'day' as const);
    fc.assert(
      fc.property(instant, instant, instant, source, (a, b, until, finest) => {
        fc.pre(a !== b);
        const range = { fromMs: Math.min(a, b), toMs: Math.max(a, b) };
        const hoursUntilMs = Math.floor(until / HOUR) * HOUR;
        const daysUntilMs = Math.floor(hoursUntilMs / DAY) * DAY;
        const segments = coverRange(range, { hoursUntilMs, daysUntilMs }, finest);
        expect(segments[0]?.fromMs).toBe(range.fromMs);
        expect(segments.at(-1)?.toMs).toBe(range.toMs);
        for (const [index, segment] of segments.entries()) {
          expect(segment.fromMs).toBeLessThan(segment.toMs);
          if (index > 0) expect(segment.fromMs).toBe(segments[index - 1]?.toMs);
          if (segment.source === 'record') continue;
          const unit = segment.source === 'hour' ? HOUR : DAY;
          expect([segment.fromMs % unit, segment.toMs % unit]).toEqual([0, 0]);
          expect(segment.toMs).toBeLessThanOrEqual(segment.source === 'hour' ? hoursUntilMs : daysUntilMs);
        }
      }),
    );
  });

  it('reads a month of whole days from days alone', () => {
    const summed = { hoursUntilMs: T0 + 40 * DAY, daysUntilMs: T0 + 40 * DAY };
    expect(coverRange({ fromMs: T0, toMs: T0 + 31 * DAY }, summed, 'day')).toEqual([
      { source: 'day', fromMs: T0, toMs: T0 + 31 * DAY },
    ]);
  });

  it('reads records while nothing is summed', () => {
    expect(coverRange({ fromMs: T0, toMs: T0 + DAY }, null, 'day')).toEqual([
      { source: 'record', fromMs: T0, toMs: T0 + DAY },
    ]);
  });
});

describe('coarsest', () => {
  it.each([
    ['UTC', 'DAY', 'day'],
    ['Europe/Berlin', 'DAY', 'hour'],
    ['Asia/Kolkata', 'DAY', 'record'],
    ['Asia/Kathmandu', 'HOUR', 'record'],
    ['Asia/Kolkata', 'TOTAL', 'day'],
    ['Europe/Berlin', 'HOUR', 'hour'],
    ['UTC', 'MINUTE', 'record'],
  ] as const)('in %s by %s is %s', (timeZone, granularity, source) => {
    expect(coarsest(granularity, { timeZone, fromMs: T0, toMs: T0 + 60 * DAY })).toBe(source);
  });

  it('sees a zone whose summer time shifts by half an hour', () => {
    const filter = { timeZone: 'Australia/Lord_Howe', fromMs: Date.UTC(2026, 7, 1), toMs: Date.UTC(2026, 11, 1) };
    expect(coarsest('DAY', filter)).toBe('record');
  });
});
