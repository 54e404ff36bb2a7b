const MINUTE_MS = 60_000;

/** An hour of usage is summed this long after its end. A record that comes more than {@link LATE_MS} after the start of its attempt
 *  marks its hour; the rest of the time is what its transaction may take, so that no record slips through. */
export const CLOSE_MS = 20 * MINUTE_MS;

/** See {@link CLOSE_MS}. */
export const LATE_MS = 15 * MINUTE_MS;
