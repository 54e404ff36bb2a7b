import type { LimitObservation } from './adapters/adapter.js';
import type { AttemptRecord } from './domain/attempt.js';
import type { Deployment } from './domain/deployment.js';

/** The right to make one attempt. Given back exactly once, when the attempt has ended. */
export interface AttemptPermit {
  readonly ok: true;
  release(): void;
}

/** Why no attempt may be made at the moment. */
export interface AttemptRefusal {
  readonly ok: false;
  readonly reason: 'breaker_open' | 'upstream_limit';
  /** When asking again may help. */
  readonly retryAfterMs?: number;
}

/** Asked before every attempt. `routing` implements it with breakers, headroom and concurrency; bound in `app.module.ts`. */
export abstract class AttemptGate {
  /** Synchronous: it stands on the way of every attempt. */
  abstract admit(deployment: Deployment, atMs: number): AttemptPermit | AttemptRefusal;

  /** Share of a deployment's concurrency that is taken, 0…1. An attempt that could be left out is not made at a busy one. */
  abstract load(deployment: Deployment): number;
}

/** Told once of every attempt that ended, and of what the provider said about its limits. */
export abstract class AttemptObserver {
  abstract observed(deployment: Deployment, attempt: AttemptRecord, limits: readonly LimitObservation[]): void;
}
