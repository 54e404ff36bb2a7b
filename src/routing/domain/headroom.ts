import type { LimitObservation } from '../../providers/index.js';
import { addSpending, dropOlder, sumSpending, type Spending } from './spending.js';

/** What a limit counts. */
export type LimitUnit = LimitObservation['unit'];

/** How a limit fills up again. `window`: all at once when the window ends; `continuous`: evenly (token bucket); `sliding`: each
 *  unit one window after it was used. */
export type Refill = 'window' | 'continuous' | 'sliding';

/** One limit of a partner: what it last said is left, less everything of ours that it cannot have counted by then. */
export interface Headroom {
  readonly unit: LimitUnit;
  /** Units per window; null: not reported. */
  readonly limit: number | null;
  readonly windowMs: number;
  readonly refill: Refill;
  /** Left when reported. */
  readonly base: number;
  /** When the report came in. */
  readonly baseAtMs: number;
  /** When the call was sent that the report answers: what ended later may not be part of it. */
  readonly sentAtMs: number;
  /** When it is full again; null: unknown. */
  readonly resetsAtMs: number | null;
  /** Held by calls that run. */
  readonly reserved: number;
  /** Used by calls that ended, and not part of the report. */
  readonly spent: readonly Spending[];
  readonly source: LimitObservation['source'];
}

/** When a report was asked for and when it came in. */
export interface ReportTimes {
  readonly sentAtMs: number;
  readonly nowMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Two ends that lie closer together than this are the same end: partners round, and clocks differ. */
const SAME_END_MS = 1_500;
/** Parts of a window that a sliding count tells apart. */
const SLICES = 60;

/** The usual window that contains such a reset: a minute, an hour or a day. */
function windowOf(report: LimitObservation, nowMs: number): number {
  if (report.windowMs !== undefined && report.windowMs > 0) return report.windowMs;
  const leftMs = (report.resetsAtMs ?? nowMs) - nowMs;
  if (leftMs <= MINUTE_MS) return MINUTE_MS;
  return leftMs <= HOUR_MS ? HOUR_MS : DAY_MS;
}

/** Starts a limit that the operator set or that 429s taught: nobody reports it, so our own use is counted. */
export function ownLimit(
  unit: LimitUnit,
  {
    limit,
    windowMs,
    source,
  }: { readonly limit: number; readonly windowMs: number; readonly source: Headroom['source'] },
  nowMs: number,
): Headroom {
  const times = { baseAtMs: nowMs, sentAtMs: nowMs, resetsAtMs: null };
  return { unit, limit, windowMs, refill: 'sliding', base: limit, ...times, reserved: 0, spent: [], source };
}

/** Units that flow back per millisecond. */
function refillRate({ refill, limit, windowMs, base, baseAtMs, resetsAtMs }: Headroom): number {
  if (refill !== 'continuous' || limit === null) return 0;
  const missing = limit - base;
  // A token bucket's reset says when it is full, which is its rate in the partner's own words.
  if (resetsAtMs !== null && resetsAtMs > baseAtMs && missing > 0) return missing / (resetsAtMs - baseAtMs);
  return limit / windowMs;
}

/** When a report stops to bind; a token bucket never starts anew. */
function endsAtMs({ refill, limit, resetsAtMs, baseAtMs, windowMs }: Headroom): number {
  if (refill === 'continuous' && limit !== null) return Infinity;
  return resetsAtMs ?? baseAtMs + windowMs;
}

/** How long a sliding count remembers: one slice more than the window, because a slice is dated by its start. */
function slidesMs({ windowMs }: Headroom): number {
  return windowMs + windowMs / SLICES;
}

/** The same limit as it stands at `nowMs`: windows that ended are over, and what was used in them no longer counts. */
export function roll(headroom: Headroom, nowMs: number): Headroom {
  if (headroom.refill === 'sliding') {
    const spent = dropOlder(headroom.spent, nowMs - slidesMs(headroom));
    return spent === headroom.spent ? headroom : { ...headroom, spent };
  }
  const endMs = endsAtMs(headroom);
  if (nowMs < endMs) return headroom;
  const { limit, windowMs, spent } = headroom;
  const startMs = endMs + Math.floor((nowMs - endMs) / windowMs) * windowMs;
  const times = { baseAtMs: startMs, sentAtMs: startMs, resetsAtMs: startMs + windowMs };
  return { ...headroom, ...times, base: limit ?? Infinity, spent: dropOlder(spent, startMs) };
}

/** Units a call may still take at `nowMs`, never below 0; null while the limit is unknown. */
export function availableAt(headroom: Headroom, nowMs: number): number | null {
  const now = roll(headroom, nowMs);
  if (!Number.isFinite(now.base)) return null;
  const refilled = now.base + refillRate(now) * Math.max(0, nowMs - now.baseAtMs);
  const level = now.limit === null ? refilled : Math.min(now.limit, refilled);
  return Math.max(0, level - now.reserved - sumSpending(now.spent));
}

/** Share of the limit that is left when `units` more are taken, 0…1; 1 while limit or rest are unknown. */
export function shareLeft(headroom: Headroom, nowMs: number, units = 0): number {
  const available = availableAt(headroom, nowMs);
  if (available === null) return 1;
  const left = available - units;
  if (headroom.limit === null || headroom.limit <= 0) return left > 0 ? 1 : 0;
  return Math.min(1, Math.max(0, left / headroom.limit));
}

/** When `units` will be available; null: nobody knows, or they never fit. */
export function availableAtMs(headroom: Headroom, units: number, nowMs: number): number | null {
  const now = roll(headroom, nowMs);
  const available = availableAt(now, nowMs);
  if (available === null || available >= units) return nowMs;
  if (now.limit !== null && units > now.limit) return null;
  if (now.refill === 'window') return endsAtMs(now);
  if (now.refill === 'sliding') return (now.spent[0]?.atMs ?? nowMs) + slidesMs(now);
  const rate = refillRate(now);
  return rate <= 0 ? null : nowMs + (units - available) / rate;
}

/** Takes units before a dispatch. */
export function reserve(headroom: Headroom, units: number, nowMs: number): Headroom {
  const now = roll(headroom, nowMs);
  return { ...now, reserved: now.reserved + units };
}

/** Gives back what {@link reserve} took. */
export function unreserve(headroom: Headroom, units: number): Headroom {
  return { ...headroom, reserved: Math.max(0, headroom.reserved - units) };
}

/** Counts what an ended call used and no report of its own covers. */
export function spend(headroom: Headroom, units: number, nowMs: number): Headroom {
  if (units <= 0) return headroom;
  const now = roll(headroom, nowMs);
  const sliceMs = now.refill === 'sliding' ? now.windowMs / SLICES : 0;
  return { ...now, spent: addSpending(now.spent, { atMs: nowMs, units }, sliceMs) };
}

/** Takes over a report. One whose call was sent after the last report came in replaces it; of two that crossed, the lower one
 *  holds. A report about a window that is over, or without a number, changes nothing but the limit: unknown is never 0. */
export function observeLimit(
  known: Headroom | undefined,
  report: LimitObservation,
  times: ReportTimes & { readonly refill: Refill },
): Headroom | undefined {
  const { sentAtMs, nowMs } = times;
  if (!isUsable(report, times)) {
    if (known === undefined || report.limit === undefined) return known;
    return { ...known, limit: report.limit };
  }
  const fresh = headroomOf(known, report, times);
  if (known === undefined) return fresh;
  const now = roll(known, nowMs);
  if (sentAtMs >= now.baseAtMs || isOtherWindow(now, fresh)) return fresh;
  const projected = now.base + refillRate(now) * (nowMs - now.baseAtMs);
  return fresh.base < projected ? fresh : { ...now, limit: fresh.limit };
}

/** Whether a report says what is left of a window that still runs. */
function isUsable(
  { remaining = -1, resetsAtMs = Infinity }: LimitObservation,
  { nowMs, refill }: ReportTimes & { readonly refill: Refill },
): boolean {
  return remaining >= 0 && (refill !== 'window' || resetsAtMs > nowMs);
}

/** The report as it stands alone. */
function headroomOf(
  known: Headroom | undefined,
  report: LimitObservation,
  { refill, sentAtMs, nowMs }: ReportTimes & { readonly refill: Refill },
): Headroom {
  const { unit, limit = known?.limit ?? null, remaining = 0, windowMs, source } = report;
  return {
    unit,
    limit,
    windowMs: windowOf(report, nowMs),
    refill,
    base: remaining,
    baseAtMs: nowMs,
    sentAtMs,
    resetsAtMs: report.resetsAtMs ?? (windowMs === undefined ? null : nowMs + windowMs),
    reserved: known?.reserved ?? 0,
    spent: dropOlder(known?.spent ?? [], sentAtMs),
    source,
  };
}

/** Takes over the report that another replica had, when its call was sent after ours came in: what of ours ended before is part of
 *  it. What we count ourselves (sliding) is never replaced. */
export function adoptReport(known: Headroom, report: Omit<Headroom, 'reserved' | 'spent'>): Headroom {
  if (known.refill === 'sliding' || report.refill === 'sliding' || report.sentAtMs < known.baseAtMs) return known;
  return { ...report, reserved: known.reserved, spent: dropOlder(known.spent, report.sentAtMs) };
}

/** A report of a window that began after the known one ended: its call was in flight across the border. */
function isOtherWindow(known: Headroom, fresh: Headroom): boolean {
  if (known.refill !== 'window' || fresh.resetsAtMs === null) return false;
  return fresh.resetsAtMs > endsAtMs(known) + SAME_END_MS;
}
