import { describe, expect, it } from '@jest/globals';

import type { Period } from './budget.js';
import { windowAt } from './window-at.js';

const ZONES = Intl.supportedValuesOf('timeZone');
const FROM = Date.UTC(2000, 0, 1);
const YEARS = 30;
const TO = Date.UTC(2000 + YEARS, 0, 1);
const DAY = 86_400_000;
const STEP = 10 * DAY;

/** Walks from window to window; throws where one does not begin where the last one ended. Returns how many it saw. */
function walk(zone: string, period: Period, fromMs: number, toMs: number): number {
  const rule = { period, timeZone: zone, weekStart: 1, custom: null };
  let seen = 0;
  for (let window = windowAt(rule, fromMs); window !== undefined && window.endsAtMs < toMs; seen += 1) {
    const next = windowAt(rule, window.endsAtMs);
    const last = windowAt(rule, window.endsAtMs - 1);
    if (next?.startsAtMs !== window.endsAtMs || last?.startsAtMs !== window.startsAtMs)
      throw new Error(`${period} of ${zone} at ${new Date(window.endsAtMs).toISOString()}`);
    window = next;
  }
  return seen;
}

/** Offsets of a zone every ten days, from the runtime's own names for them. */
function offsetsOf(zone: string): readonly string[] {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  const offsets: string[] = [];
  for (let atMs = FROM; atMs < TO; atMs += STEP) offsets.push(format.format(atMs).replace(/^.*GMT/, ''));
  return offsets;
}

/** Zones whose clocks always agreed are walked once. */
const clocks = [
  ...Map.groupBy(
    ZONES.map((zone) => ({ zone, offsets: offsetsOf(zone) })),
    ({ offsets }) => offsets.join(' '),
  ).values(),
].flatMap(([first]) => first ?? []);

describe('windows of a zone tile time without gap or overlap, in every IANA zone over 30 years', () => {
  it('months and years', () => {
    for (const { zone } of clocks) {
      expect(walk(zone, 'MONTH', FROM, TO)).toBeGreaterThan(12 * YEARS - 3);
      expect(walk(zone, 'YEAR', FROM, TO)).toBeGreaterThan(YEARS - 3);
    }
  }, 120_000);

  it('days and weeks around each change of the clocks', () => {
    let changes = 0;
    for (const { zone, offsets } of clocks) {
      for (const [index, offset] of offsets.entries()) {
        if (index === 0 || offset === offsets[index - 1]) continue;
        changes += 1;
        const atMs = FROM + (index - 1) * STEP;
        walk(zone, 'DAY', atMs - 2 * DAY, atMs + STEP + 2 * DAY);
        walk(zone, 'WEEK', atMs - 8 * DAY, atMs + STEP + 8 * DAY);
      }
    }
    expect(changes).toBeGreaterThan(1_000);
  }, 120_000);
});
