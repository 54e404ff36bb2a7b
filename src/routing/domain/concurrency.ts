/** How many attempts may run at once, found out from what they meet (AIMD). Source: providers page §10; Chiu and Jain 1989;
 *  the first growth as in RFC 5681 §3.1. */
export interface Concurrency {
  /** Whole, 1…max. */
  readonly limit: number;
  /** Successes of the running round. */
  readonly successes: number;
  /** Most attempts that ran at once in this round. */
  readonly peak: number;
  /** Outcomes that still belong to the time before the last decrease. */
  readonly draining: number;
  /** True until the first decrease: nothing is known against more, so a round doubles the limit. */
  readonly isUnproven: boolean;
}

/** What an attempt met. `overload`: a rate limit without a known window, a partner that calls itself overloaded, or first tokens
 *  that take twice as long as usual. */
export type ConcurrencySignal = 'success' | 'overload' | 'neutral';

const START = 8;
const USED_SHARE = 0.8;
const DECREASE = 0.7;

/** How a deployment begins. */
export function startConcurrency(max: number): Concurrency {
  return { limit: Math.max(1, Math.min(START, max)), successes: 0, peak: 0, draining: 0, isUnproven: true };
}

/** The limit after one more attempt ended, of `inFlight` that ran until then. Grows by one per full round of successes while at
 *  least 80 % were used (doubles before the first decrease), shrinks to 70 % once per round. Pure; always within 1…`max`. */
export function nextConcurrency(
  state: Concurrency,
  signal: ConcurrencySignal,
  { inFlight, max }: { readonly inFlight: number; readonly max: number },
): Concurrency {
  const draining = Math.max(0, state.draining - 1);
  const peak = Math.max(state.peak, inFlight);
  const limit = Math.max(1, Math.min(max, state.limit));
  if (signal === 'neutral') return { ...state, limit, draining, peak };
  if (signal === 'overload') {
    if (state.draining > 0) return { ...state, limit, draining, peak };
    const less = Math.max(1, Math.min(limit - 1, Math.floor(limit * DECREASE)));
    return { limit: less, successes: 0, peak: 0, draining: inFlight, isUnproven: false };
  }
  const successes = state.successes + 1;
  if (successes < limit) return { ...state, limit, successes, peak, draining };
  const isUsed = peak >= limit * USED_SHARE;
  const grown = state.isUnproven ? limit * 2 : limit + 1;
  return { ...state, limit: isUsed ? Math.min(max, grown) : limit, successes: 0, peak: 0, draining };
}
