import type { TokenUsage } from '../adapters/usage.js';
import type { Deployment } from './deployment.js';

/** How an attempt ended. Source: the wire contract §2.6. `unknown` only while it runs. */
export const ATTEMPT_OUTCOMES = [
  'ok',
  'http_error',
  'rate_limited',
  'connect_error',
  'ttft_timeout',
  'idle_timeout',
  'total_timeout',
  'malformed',
  'truncated',
  'error_in_body',
  'content_refused',
  'client_closed',
  'cancelled_hedge',
  'unknown',
] as const;

/** One of {@link ATTEMPT_OUTCOMES}. */
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** Where the token counts of an attempt come from. `counted`: no report came and bytes were delivered; `estimated`: none were,
 *  but the request was dispatched and may be billed; `none`: nothing can have been billed. Source: money page §6. */
export type UsageSource = 'reported' | 'counted' | 'estimated' | 'none';

/** One try at one deployment. It is in the list from the moment of its dispatch and final once `endedAtMs` is set; exactly one
 *  record exists per attempt. */
export interface AttemptRecord {
  /** 1, 2, … in order of dispatch. */
  readonly n: number;
  readonly deployment: Deployment;
  readonly credentialId: string | null;
  readonly startedAtMs: number;
  /** Null while the attempt runs. */
  readonly endedAtMs: number | null;
  /** From dispatch to the first valid delta; null when none came. */
  readonly ttftMs: number | null;
  readonly durationMs: number;
  readonly outcome: AttemptOutcome;
  /** The provider's failure class, null for `ok` and hang-ups. */
  readonly failureClass: string | null;
  /** HTTP status of the provider, null when none arrived. */
  readonly status: number | null;
  readonly vendorCode: string | null;
  /** May be shown to callers. */
  readonly publicMessage: string | null;
  readonly billed: 'no' | 'maybe' | 'yes';
  /** Null unless `usageSource` is `reported`. */
  readonly usage: TokenUsage | null;
  readonly usageSource: UsageSource;
  readonly answeredModel: string | null;
  readonly billedTier: string | null;
  /** UTF-8 bytes of generated text that passed. */
  readonly received: { readonly textBytes: number; readonly reasoningBytes: number };
  /** Bytes of the request body. */
  readonly sentBytes: number;
}
