import { AppError, type ErrorCode } from '../../platform/errors/index.js';
import type { UpstreamFailure } from '../adapters/failure.js';
import type { AttemptRecord } from './attempt.js';
import { concernsRequest, FAILURE_RULES } from './failure-rules.js';

/** A candidate that was passed over without an attempt. */
export interface Skipped {
  readonly providerName: string;
  readonly model: string;
  readonly reason: 'breaker_open' | 'upstream_limit' | 'credential' | 'budget';
  readonly retryAfterMs?: number | undefined;
}

/** What one call went through before it was given up. */
export interface LostCall {
  readonly attempts: readonly AttemptRecord[];
  readonly failures: readonly UpstreamFailure[];
  readonly skipped: readonly Skipped[];
  /** The caller's deadline ended it. */
  readonly outOfTime: boolean;
}

const DEFAULT_RETRY_MS = 1_000;
const RETRIED: ReadonlySet<ErrorCode> = new Set([
  'all_providers_failed',
  'no_capacity',
  'upstream_timeout',
  'deadline_exceeded',
]);

/** The failure that speaks for the call: the last one, but a complaint about the request only when every provider complained. */
function speaking(failures: readonly UpstreamFailure[]): UpstreamFailure | undefined {
  const last = failures.at(-1);
  if (last === undefined || !concernsRequest(last) || last.class === 'caller') return last;
  return failures.findLast((failure) => !concernsRequest(failure)) ?? last;
}

/** Attempts as `aip.attempts` shows them. Source: the wire contract §2.6. */
export function attemptFacts(attempts: readonly AttemptRecord[]): readonly Readonly<Record<string, unknown>>[] {
  return attempts.map((attempt) => ({
    n: attempt.n,
    provider: attempt.deployment.providerName,
    model: attempt.deployment.model,
    outcome: attempt.outcome,
    status: attempt.status,
    ttftMs: attempt.ttftMs,
    durationMs: attempt.durationMs,
    usageSource: attempt.usageSource,
  }));
}

/** The refusal a caller gets when no attempt succeeded. Retrying is discouraged when an attempt may have been billed. A
 *  provider's 401 or 403 is answered as 502. */
export function lastResort(lost: LostCall): AppError {
  const failure = speaking(lost.failures);
  const code = codeOf(lost, failure);
  const retryAfterMs = earliest(lost);
  const mayBeBilled = lost.attempts.some(({ billed }) => billed !== 'no');
  return new AppError(code, messageOf(lost, failure, code), {
    aip: { attempts: attemptFacts(lost.attempts), ...rejectedFacts(lost.skipped) },
    ...(code === 'no_capacity' ? { retryAfterSeconds: retryAfterMs / 1_000 } : {}),
    ...(mayBeBilled && RETRIED.has(code) ? { shouldRetry: false } : {}),
    detail: lost.failures.map((one) => `${one.class} ${String(one.status)} ${one.vendorCode ?? ''}`).join('; '),
  });
}

function codeOf(lost: LostCall, failure: UpstreamFailure | undefined): ErrorCode {
  if (lost.outOfTime) return 'deadline_exceeded';
  return failure === undefined ? 'no_capacity' : FAILURE_RULES[failure.class].answer;
}

function earliest(lost: LostCall): number {
  const known = [...lost.failures, ...lost.skipped].flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return known.length === 0 ? DEFAULT_RETRY_MS : Math.min(...known);
}

function rejectedFacts(skipped: readonly Skipped[]): Readonly<Record<string, unknown>> {
  if (skipped.length === 0) return {};
  return { rejected: skipped.map(({ providerName, model, reason }) => ({ provider: providerName, model, reason })) };
}

function messageOf(lost: LostCall, failure: UpstreamFailure | undefined, code: ErrorCode): string {
  if (code === 'deadline_exceeded') {
    return `No answer arrived before the deadline of this request. Raise AIP-Timeout-Ms or ask for less output.`;
  }
  const last = lost.attempts.at(-1);
  if (failure === undefined || last === undefined) {
    return 'Every provider of this model is at its limit or paused after failures. Try again shortly.';
  }
  const tries = lost.attempts.length === 1 ? 'The attempt' : `All ${String(lost.attempts.length)} attempts`;
  if (concernsRequest(failure)) return `The provider refused this request: ${failure.publicMessage}`;
  return `${tries} failed; the last provider, ${last.deployment.providerName}, said: ${failure.publicMessage}`;
}
