const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits after the first, second, … failure. Source: wire contract §5. */
const WAITS_MS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/** Tries of one delivery, over about three days. */
export const MAX_ATTEMPTS = WAITS_MS.length + 1;

const LONGEST_MS = 24 * HOUR;
/** Share of a wait that is drawn, so that what failed together does not come back together. */
const SPREAD = 0.2;

/** Milliseconds until the next try after `attempts` failed ones; null: there is none. At least what the receiver asked for
 *  (`Retry-After`), at most a day. `random` in [0, 1). */
export function waitBeforeRetry(attempts: number, random: number, retryAfterMs = 0): number | null {
  const wait = WAITS_MS[attempts - 1];
  if (wait === undefined) return null;
  const spread = Math.round(wait * (1 + SPREAD * random));
  return Math.max(spread, Math.min(retryAfterMs, LONGEST_MS));
}
