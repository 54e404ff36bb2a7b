import type { Emission, LimitObservation } from './adapters/adapter.js';
import type { UpstreamFailure } from './adapters/failure.js';
import type { AttemptOutcome, AttemptRecord } from './domain/attempt.js';

/** What an attempt does next. `last`: nothing follows, it is to be sealed. */
export type AttemptStep =
  | { readonly kind: 'emissions'; readonly emissions: readonly Emission[]; readonly last: boolean }
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure };

/** One try at one deployment: from dispatch to its one final record. The first step brings everything held back up to the first
 *  valid delta, so a failure that comes as the first step has shown nothing to anybody. */
export interface RunningAttempt {
  readonly record: AttemptRecord;
  /** What the provider said about its limits. */
  readonly limits: readonly LimitObservation[];
  /** Waits for what comes next. Not called again after `failed` or `last`. */
  next(): Promise<AttemptStep>;
  /** Nobody wants the answer any more: the connection is closed at once and the running step ends. */
  abandon(): void;
  /** Notes that the caller sees this attempt's answer. */
  serve(): void;
  /** Makes the record final; only the first call counts. */
  seal(outcome: AttemptOutcome, failure: UpstreamFailure | null): void;
}
