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
  /** How long the provider asked to be left alone; null when it said nothing that counts. */
  readonly retryAfterMs: number | null;
  /** True for a failure that says nothing about the provider's health: the caller's deadline left it less than it usually needs. */
  readonly blameless: boolean;
  /** Its answer, or a part of it, is what the caller sees. */
  readonly committed: boolean;
  /** The attempt whose cut answer this one carries on; null for all others. */
  readonly continues: number | null;
  readonly billed: 'no' | 'maybe' | 'yes';
  /** Null unless something was reported. */
  readonly usage: TokenUsage | null;
  readonly usageSource: UsageSource;
  readonly answeredModel: string | null;
  readonly billedTier: string | null;
  /** UTF-8 bytes of generated text that passed. */
  readonly received: { readonly textBytes: number; readonly reasoningBytes: number };
  /** Bytes of the request body, of all requests together. */
  readonly sentBytes: number;
  /** How often the prompt was sent: more than once when several requests make up the attempt. */
  readonly inputTimes: number;
  /** What no report covers, when only some of several requests reported: `usage` then holds the reports alone. */
  readonly unreported: { readonly inputTimes: number; readonly received: AttemptRecord['received'] } | null;
}

/** The attempt that a call is told by: the last one that served, else the last one made. */
export function servingAttempt(attempts: readonly AttemptRecord[]): AttemptRecord | undefined {
  return attempts.findLast(({ committed }) => committed) ?? attempts.at(-1);
}
