/** What the breaker of a deployment lets through. */
export type BreakerState =
  | { readonly kind: 'closed'; readonly outcomes: readonly Outcome[] }
  | { readonly kind: 'open'; readonly trips: number; readonly sinceMs: number; readonly untilMs: number }
  | { readonly kind: 'half-open'; readonly trips: number; readonly successes: number }
  | {
      readonly kind: 'ramp';
      readonly trips: number;
      /** Index into {@link RAMP_SHARES}. */
      readonly step: number;
      readonly stepSinceMs: number;
      readonly stepSuccesses: number;
      readonly successes: number;
      readonly failures: number;
    };

/** One counted attempt. */
export interface Outcome {
  readonly atMs: number;
  readonly failed: boolean;
}

/** What happened. `time` only lets time pass; `probed`: an unbilled probe succeeded. */
export type BreakerSignal =
  | { readonly kind: 'success' }
  | { readonly kind: 'failure'; readonly retryAfterMs?: number }
  | { readonly kind: 'probed' }
  | { readonly kind: 'time' };

/** Shares of its traffic that a recovering deployment takes, step by step. */
export const RAMP_SHARES = [0.1, 0.25, 0.5, 1] as const;

const WINDOW = 20;
const WINDOW_MS = 30_000;
const MIN_OUTCOMES = 5;
const OPEN_RATIO = 0.5;
const ROW = 3;
const ROW_MS = 10_000;
const WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;
const MAX_RETRY_AFTER_MS = 300_000;
const TRIALS = 2;
const STEP_SUCCESSES = 10;
const STEP_MS = 5_000;
const RAMP_RATIO = 0.2;
/** A ratio of fewer outcomes says nothing. */
const RAMP_MIN_OUTCOMES = 5;

/** How a breaker begins: everything passes. */
export const CLOSED: BreakerState = Object.freeze({ kind: 'closed', outcomes: Object.freeze([]) });

/** How a new deployment begins: like one that just recovered. */
export function startRamp(nowMs: number, trips = 0): BreakerState {
  return { kind: 'ramp', trips, step: 0, stepSinceMs: nowMs, stepSuccesses: 0, successes: 0, failures: 0 };
}

/** 1 s × 2^trips up to 60 s, ± 20 % by `random`, or what the provider asked for when that is longer (up to 5 min). */
function open(trips: number, nowMs: number, random: number, retryAfterMs = 0): BreakerState {
  const waitMs = Math.min(MAX_WAIT_MS, WAIT_MS * 2 ** trips) * (0.8 + 0.4 * random);
  const untilMs = nowMs + Math.max(waitMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
  return { kind: 'open', trips, sinceMs: nowMs, untilMs };
}

function shouldOpen(outcomes: readonly Outcome[], nowMs: number): boolean {
  const row = outcomes.slice(-ROW);
  if (row.length === ROW && row.every(({ failed, atMs }) => failed && nowMs - atMs <= ROW_MS)) return true;
  const recent = outcomes.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
  return recent.length >= MIN_OUTCOMES && recent.filter(({ failed }) => failed).length / recent.length >= OPEN_RATIO;
}

function inClosed(
  state: BreakerState & { kind: 'closed' },
  signal: BreakerSignal,
  nowMs: number,
  random: number,
): BreakerState {
  if (signal.kind !== 'success' && signal.kind !== 'failure') return state;
  const outcomes = [...state.outcomes.slice(1 - WINDOW), { atMs: nowMs, failed: signal.kind === 'failure' }];
  if (signal.kind === 'success' || !shouldOpen(outcomes, nowMs)) return { kind: 'closed', outcomes };
  return open(0, nowMs, random, signal.retryAfterMs);
}

function inOpen(state: BreakerState & { kind: 'open' }, signal: BreakerSignal, nowMs: number): BreakerState {
  const early = signal.kind === 'probed' && nowMs >= (state.sinceMs + state.untilMs) / 2;
  if (nowMs < state.untilMs && !early) return state;
  return { kind: 'half-open', trips: state.trips, successes: 0 };
}

function inHalfOpen(
  state: BreakerState & { kind: 'half-open' },
  signal: BreakerSignal,
  nowMs: number,
  random: number,
): BreakerState {
  if (signal.kind === 'failure') return open(state.trips + 1, nowMs, random, signal.retryAfterMs);
  if (signal.kind !== 'success') return state;
  const successes = state.successes + 1;
  return successes >= TRIALS ? startRamp(nowMs, state.trips) : { ...state, successes };
}

function inRamp(
  state: BreakerState & { kind: 'ramp' },
  signal: BreakerSignal,
  nowMs: number,
  random: number,
): BreakerState {
  const won = Number(signal.kind === 'success');
  const lost = Number(signal.kind === 'failure');
  const [successes, failures] = [state.successes + won, state.failures + lost];
  const total = successes + failures;
  if (signal.kind === 'failure' && total >= RAMP_MIN_OUTCOMES && failures / total > RAMP_RATIO) {
    return open(state.trips + 1, nowMs, random, signal.retryAfterMs);
  }
  // The first answers of a newcomer: two failures without a success are enough.
  if (failures >= TRIALS && successes === 0) return open(state.trips + 1, nowMs, random);
  const stepSuccesses = state.stepSuccesses + won;
  if (stepSuccesses < STEP_SUCCESSES && nowMs - state.stepSinceMs < STEP_MS) {
    return { ...state, successes, failures, stepSuccesses };
  }
  if (state.step >= RAMP_SHARES.length - 1) return CLOSED;
  return { ...state, step: state.step + 1, stepSinceMs: nowMs, stepSuccesses: 0, successes, failures };
}

/** The next state of one deployment's breaker. Pure; `random` in [0, 1) spreads the waits of replicas.
 *  Only failures of the partner are signals: refusals of ours, rate limits and hang-ups are none. Source: providers page §9. */
export function nextBreaker(state: BreakerState, signal: BreakerSignal, nowMs: number, random: number): BreakerState {
  switch (state.kind) {
    case 'closed':
      return inClosed(state, signal, nowMs, random);
    case 'open':
      return inOpen(state, signal, nowMs);
    case 'half-open':
      return inHalfOpen(state, signal, nowMs, random);
    case 'ramp':
      return inRamp(state, signal, nowMs, random);
  }
}

/** The share of its traffic that a breaker lets through: 1 closed, 0 open, a trial at a time half-open counts as 0.1. */
export function breakerShare(state: BreakerState): number {
  switch (state.kind) {
    case 'closed':
      return 1;
    case 'open':
      return 0;
    case 'half-open':
      return RAMP_SHARES[0];
    case 'ramp':
      return RAMP_SHARES[state.step] ?? 1;
  }
}
