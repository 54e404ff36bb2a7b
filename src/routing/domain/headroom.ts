import type { LimitObservation } from '../../providers/index.js';

/** What a limit counts. */
export type LimitUnit = LimitObservation['unit'];

/** One limit of a deployment as last reported, minus what was sent since. */
export interface Headroom {
  readonly unit: LimitUnit;
  /** Units per window; null: not reported. */
  readonly limit: number | null;
  /** Left when reported. */
  readonly base: number;
  /** Dispatched since the report and not part of it. */
  readonly reserved: number;
  readonly reportedAtMs: number;
  /** When the window is full again; null: unknown. */
  readonly resetsAtMs: number | null;
  readonly source: LimitObservation['source'];
}

/** A report whose reset nobody knows is believed this long. */
const BELIEVED_MS = 60_000;

/** When a report stops to bind. */
export function endsAtMs(headroom: Headroom): number {
  return headroom.resetsAtMs ?? headroom.reportedAtMs + BELIEVED_MS;
}

/** Units left at `nowMs`: the report minus what was sent since; after the reset the whole limit, or unknown (null). */
export function availableAt(headroom: Headroom, nowMs: number): number | null {
  if (nowMs < endsAtMs(headroom)) return Math.max(0, headroom.base - headroom.reserved);
  return headroom.limit;
}

/** Replaces what was known by a report. A report that does not say what remains changes nothing but the limit; unknown
 *  stays unknown. `inFlight`: units dispatched after the reported call, which the provider has not counted yet. */
export function observeLimit(
  known: Headroom | undefined,
  report: LimitObservation,
  at: { readonly nowMs: number; readonly inFlight: number },
): Headroom | undefined {
  const remaining = report.remaining;
  if (remaining === undefined || remaining < 0) {
    if (known === undefined || report.limit === undefined) return known;
    return { ...known, limit: report.limit };
  }
  return {
    unit: report.unit,
    limit: report.limit ?? known?.limit ?? null,
    base: remaining,
    reserved: at.inFlight,
    reportedAtMs: at.nowMs,
    resetsAtMs: report.resetsAtMs ?? (report.windowMs === undefined ? null : at.nowMs + report.windowMs),
    source: report.source,
  };
}

/** Takes units before a dispatch. After the reset a new window begins with what is taken. */
export function reserve(headroom: Headroom, units: number, nowMs: number): Headroom {
  if (nowMs < endsAtMs(headroom)) return { ...headroom, reserved: headroom.reserved + units };
  if (headroom.limit === null) return headroom;
  const windowMs = Math.max(1_000, endsAtMs(headroom) - headroom.reportedAtMs);
  return { ...headroom, base: headroom.limit, reserved: units, reportedAtMs: nowMs, resetsAtMs: nowMs + windowMs };
}

/** Share of the limit that is left, 0…1; 1 when the limit or what remains is unknown. */
export function shareLeft(headroom: Headroom, nowMs: number): number {
  const available = availableAt(headroom, nowMs);
  if (available === null || headroom.limit === null || headroom.limit <= 0) return available === 0 ? 0 : 1;
  return Math.min(1, available / headroom.limit);
}
