/** Flow limit: what it gives back per window, and what may be taken at once. */
export interface Flow {
  /** Units per window, ≥ 1. */
  readonly limit: number;
  readonly windowMs: number;
  /** Units, ≥ 1. */
  readonly burst: number;
}

/** State of one flow limit: units taken and not yet flowed back at `atMs`. It is GCRA's theoretical arrival time, kept as
 *  (tat − now) ÷ emission interval, so that a changed limit keeps what was taken. */
export interface Level {
  readonly atMs: number;
  readonly units: number;
}

/** The answer to an ask. A refusal says when the same ask fits; null: never, it is larger than the burst. */
export type FlowVerdict =
  { readonly fits: true; readonly level: Level } | { readonly fits: false; readonly retryAfterMs: number | null };

/** An untouched limit. */
export const EMPTY: Level = { atMs: 0, units: 0 };

/** Rounding of the flow back must not refuse what just fits; units are whole, so this lets nothing more through. */
const SLACK = 1e-6;

/** The level at `nowMs`. Time that runs backwards gives nothing back. */
export function levelAt(flow: Flow, level: Level, nowMs: number): Level {
  if (level.units === 0) return { atMs: nowMs, units: 0 };
  const passedMs = Math.max(0, nowMs - level.atMs);
  return {
    atMs: Math.max(nowMs, level.atMs),
    units: Math.max(0, level.units - (passedMs * flow.limit) / flow.windowMs),
  };
}

/** Takes `ask` units or says when they fit. In every window at most limit + burst units pass.
 *  Source: ITU-T I.371 annex A, virtual scheduling, with the increment `ask`. */
export function take(flow: Flow, level: Level, ask: number, nowMs: number): FlowVerdict {
  const current = levelAt(flow, level, nowMs);
  const excess = current.units + ask - flow.burst;
  if (excess <= SLACK) return { fits: true, level: { atMs: current.atMs, units: current.units + ask } };
  if (ask > flow.burst) return { fits: false, retryAfterMs: null };
  return { fits: false, retryAfterMs: Math.ceil((excess * flow.windowMs) / flow.limit) };
}

/** Units that could be taken at once. Whole, ≥ 0. */
export function remaining(flow: Flow, level: Level, nowMs: number): number {
  return Math.max(0, Math.floor(flow.burst - levelAt(flow, level, nowMs).units));
}

/** Milliseconds until nothing is taken any more. */
export function drainsInMs(flow: Flow, level: Level, nowMs: number): number {
  return Math.ceil((levelAt(flow, level, nowMs).units * flow.windowMs) / flow.limit);
}
