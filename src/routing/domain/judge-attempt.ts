import type { AttemptRecord, LimitObservation } from '../../providers/index.js';
import type { BreakerSignal } from './breaker.js';
import type { ConcurrencySignal } from './concurrency.js';

/** Failure classes of the partner itself; everything else says nothing about its health. Source: providers page §8. */
const FAILURES: ReadonlySet<string> = new Set([
  'connect',
  'server',
  'overloaded',
  'malformed',
  'ttft_timeout',
  'idle_timeout',
  'total_timeout',
  'truncated',
]);

/** What an ended attempt says about its deployment. */
export interface AttemptVerdict {
  /** Null: nothing about its health. */
  readonly health: 'ok' | 'failed' | null;
  /** Null: neutral. */
  readonly signal: BreakerSignal | null;
  readonly concurrency: ConcurrencySignal;
  readonly isRateLimited: boolean;
  /** A limit said that it is used up and when it resets: it holds calls back by itself. */
  readonly hasKnownWindow: boolean;
}

/** Judges an attempt. Only failures of the partner count against it: rate limits, credentials, the caller's mistakes, refused
 *  content, hang-ups and lost hedges are neutral, not successes. Pure. */
export function judgeAttempt(attempt: AttemptRecord, reports: readonly LimitObservation[]): AttemptVerdict {
  const { failureClass, outcome, blameless, retryAfterMs } = attempt;
  const isFailed = failureClass !== null && FAILURES.has(failureClass) && !blameless;
  const isOk = outcome === 'ok' || outcome === 'content_refused';
  const isRateLimited = failureClass === 'rate_limited';
  const hasKnownWindow = reports.some(({ remaining, resetsAtMs }) => remaining === 0 && resetsAtMs !== undefined);
  const isOverload = failureClass === 'overloaded' || (isRateLimited && !hasKnownWindow);
  return {
    health: isFailed ? 'failed' : isOk ? 'ok' : null,
    signal: isFailed ? failureSignal(failureClass, retryAfterMs) : outcome === 'ok' ? { kind: 'success' } : null,
    concurrency: isOverload ? 'overload' : isOk ? 'success' : 'neutral',
    isRateLimited,
    hasKnownWindow,
  };
}

function failureSignal(failureClass: string, retryAfterMs: number | null): BreakerSignal {
  if (failureClass !== 'overloaded' || retryAfterMs === null) return { kind: 'failure' };
  return { kind: 'failure', retryAfterMs };
}
