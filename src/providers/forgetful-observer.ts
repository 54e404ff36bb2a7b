import type { LimitObservation } from './adapters/adapter.js';
import { AttemptObserver } from './attempt-gate.js';
import type { AttemptRecord } from './domain/attempt.js';
import type { Deployment } from './domain/deployment.js';

/** Tells of everything but failures, so that no breaker opens and no limit holds back: every call meets a faulty provider. For
 *  measurements of the failover itself. */
export class ForgetfulObserver extends AttemptObserver {
  constructor(private readonly inner: AttemptObserver) {
    super();
  }

  override observed(deployment: Deployment, attempt: AttemptRecord, limits: readonly LimitObservation[]): void {
    if (attempt.failureClass === null) this.inner.observed(deployment, attempt, limits);
  }
}
