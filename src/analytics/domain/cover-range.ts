import type { Granularity } from './usage-filter.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Where a stretch of time is read: from single records, or from sums per hour or day (UTC). */
export interface Segment {
  readonly source: 'record' | 'hour' | 'day';
  /** Inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

/** Up to where sums are complete; whole hours and days, UTC. */
export interface Summed {
  readonly hoursUntilMs: number;
  readonly daysUntilMs: number;
}

/** The coarsest sums that points of this width can be made of: a point must never cut a sum in two. */
export function coarsest(
  granularity: Granularity,
  filter: { timeZone: string; fromMs: number; toMs: number },
): Segment['source'] {
  if (granularity === 'MINUTE') return 'record';
  if (granularity === 'TOTAL') return 'day';
  const offsets = offsetsWithin(filter);
  if (offsets.some((minutes) => minutes % 60 !== 0)) return 'record';
  return granularity === 'DAY' && offsets.every((minutes) => minutes === 0) ? 'day' : 'hour';
}

/** Tiles `[fromMs, toMs)` without gap or overlap, in order of time: records at the ragged ends and where nothing is summed yet, sums
 *  of hours, and in the middle sums of days. */
export function coverRange(
  range: { readonly fromMs: number; readonly toMs: number },
  summed: Summed | null,
  source: Segment['source'],
): readonly Segment[] {
  const { fromMs, toMs } = range;
  if (source === 'record' || summed === null) return tiles([['record', fromMs, toMs]]);
  const firstHour = ceilTo(fromMs, HOUR_MS);
  const lastHour = floorTo(Math.min(toMs, summed.hoursUntilMs), HOUR_MS);
  if (firstHour >= lastHour) return tiles([['record', fromMs, toMs]]);
  const firstDay = ceilTo(firstHour, DAY_MS);
  const lastDay = floorTo(Math.min(lastHour, summed.daysUntilMs), DAY_MS);
  const middle: readonly Part[] =
    source === 'day' && firstDay < lastDay
      ? [
          ['hour', firstHour, firstDay],
          ['day', firstDay, lastDay],
          ['hour', lastDay, lastHour],
        ]
      : [['hour', firstHour, lastHour]];
  return tiles([['record', fromMs, firstHour], ...middle, ['record', lastHour, toMs]]);
}

type Part = readonly [Segment['source'], number, number];

function tiles(parts: readonly Part[]): readonly Segment[] {
  return parts.filter(([, from, to]) => from < to).map(([source, fromMs, toMs]) => ({ source, fromMs, toMs }));
}

const floorTo = (atMs: number, unitMs: number): number => Math.floor(atMs / unitMs) * unitMs;
const ceilTo = (atMs: number, unitMs: number): number => Math.ceil(atMs / unitMs) * unitMs;

const SAMPLE_MS = 28 * DAY_MS;

/** Offsets from UTC that a zone has in a range, in minutes; sampled every four weeks, more often than zones change them. */
function offsetsWithin({
  timeZone,
  fromMs,
  toMs,
}: {
  timeZone: string;
  fromMs: number;
  toMs: number;
}): readonly number[] {
  if (timeZone === 'UTC') return [0];
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
  const offsets = new Set<number>();
  for (let atMs = fromMs; atMs < toMs; atMs += SAMPLE_MS) offsets.add(offsetAt(format, atMs));
  offsets.add(offsetAt(format, toMs));
  return [...offsets];
}

function offsetAt(format: Intl.DateTimeFormat, atMs: number): number {
  const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign = '+', hours = '0', minutes = '0'] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(name) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
