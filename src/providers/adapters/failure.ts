/** What went wrong with an attempt. Source: providers page §8. */
export const FAILURE_CLASSES = [
  'connect',
  'stale_socket',
  'server',
  'overloaded',
  'rate_limited',
  'quota_exhausted',
  'credential',
  'not_found',
  'context',
  'unsupported',
  'caller',
  'content_refused',
  'malformed',
  'ttft_timeout',
  'idle_timeout',
  'total_timeout',
  'truncated',
] as const;

/** One of {@link FAILURE_CLASSES}. */
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** How a failed attempt is shown to callers. Source: wire contract §2.6. */
export type FailureOutcome =
  | 'http_error'
  | 'rate_limited'
  | 'connect_error'
  | 'ttft_timeout'
  | 'idle_timeout'
  | 'total_timeout'
  | 'malformed'
  | 'truncated'
  | 'error_in_body'
  | 'content_refused';

/** Why an attempt failed. */
export interface UpstreamFailure {
  readonly class: FailureClass;
  readonly outcome: FailureOutcome;
  /** HTTP status of the provider; null when none arrived. */
  readonly status: number | null;
  /** The provider's own code or type, ≤ 80 characters `[A-Za-z0-9_.-]`. */
  readonly vendorCode: string | null;
  /** Milliseconds, 0…900 000. */
  readonly retryAfterMs?: number;
  /** From a closed list, or for `caller`, `context` and `unsupported` the provider's text without secrets, URLs and ids,
   *  ≤ 500 characters. */
  readonly publicMessage: string;
  readonly billed: 'no' | 'maybe' | 'yes';
}
