import type { FailureClass, UpstreamFailure } from '../adapters/failure.js';
import type { ErrorCode } from '../../platform/errors/index.js';

/** What follows from a failure before anything reached the caller. */
export interface FailureRule {
  /** `larger`: only candidates with a larger context window. */
  readonly next: 'any' | 'larger' | 'none';
  /** May be tried again at the same deployment when no other candidate exists. */
  readonly again: boolean;
  /** What the caller is told when no candidate is left. */
  readonly answer: ErrorCode;
}

const fault: FailureRule = { next: 'any', again: true, answer: 'all_providers_failed' };
const refusal: FailureRule = { next: 'any', again: false, answer: 'all_providers_failed' };
const busy: FailureRule = { next: 'any', again: true, answer: 'no_capacity' };
const slow: FailureRule = { next: 'any', again: false, answer: 'upstream_timeout' };

/** Source: the providers page §8. A provider's 401 is our problem, so it is never the caller's 401. */
export const FAILURE_RULES: Readonly<Record<FailureClass, FailureRule>> = {
  connect: fault,
  stale_socket: fault,
  server: fault,
  overloaded: busy,
  rate_limited: busy,
  quota_exhausted: refusal,
  credential: refusal,
  not_found: refusal,
  context: { next: 'larger', again: false, answer: 'context_length_exceeded' },
  unsupported: { next: 'any', again: false, answer: 'unsupported_parameter' },
  caller: { next: 'none', again: false, answer: 'upstream_rejected' },
  content_refused: { next: 'none', again: false, answer: 'upstream_rejected' },
  malformed: fault,
  ttft_timeout: slow,
  idle_timeout: slow,
  total_timeout: slow,
  truncated: fault,
};

/** Failures that say something about the request rather than about the provider. */
export function concernsRequest(failure: UpstreamFailure): boolean {
  return failure.class === 'context' || failure.class === 'unsupported' || failure.class === 'caller';
}
