import type { UpstreamFailure } from '../adapters/failure.js';
import type { AttemptRecord } from './attempt.js';

/** A provider broke off after its answer had begun to reach the caller. What was used is in `attempt`; the caller must be told. */
export class TornStreamError extends Error {
  override readonly name = 'TornStreamError';

  constructor(
    readonly failure: UpstreamFailure,
    /** The committed attempt, ended. */
    readonly attempt: AttemptRecord,
  ) {
    super(`The answer broke off: ${failure.publicMessage}`);
  }
}

/** The caller's signal ended the call; thrown by the iteration, never shown to anybody. */
export class CallerGoneError extends Error {
  override readonly name = 'CallerGoneError';

  constructor() {
    super('The caller is gone');
  }
}
