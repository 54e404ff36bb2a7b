import type { Criticality } from '../platform/security/index.js';
import type { LimitObservation } from './adapters/adapter.js';
import type { AttemptRecord } from './domain/attempt.js';
import type { Deployment } from './domain/deployment.js';

/** The right to make one attempt. Given back exactly once, when the attempt has ended. */
export interface AttemptPermit {
  readonly ok: true;
  /** The credential it was given for; null: the deployment needs none. */
  readonly credentialId: string | null;
  release(): void;
}

/** A permit for a call's first attempt, taken while the call was planned, so that calls that are planned at the same moment do not
 *  count on the same room. Whoever took it disposes of it; an attempt that used it has it no longer. */
export interface AttemptClaim extends Disposable {
  readonly deploymentId: string;
}

/** What an attempt is about to take. */
export interface AttemptAsk {
  readonly atMs: number;
  /** Credentials that may be used, in order of preference; `[null]`: none is needed. Not empty. */
  readonly credentialIds: readonly (string | null)[];
  /** Estimate of the whole prompt. */
  readonly inputTokens: number;
  /** Most tokens of the answer. */
  readonly outputTokens: number;
  readonly criticality: Criticality;
  /** The call was at another candidate before: it was let in already, and only hard limits may stop it now. */
  readonly isFailover: boolean;
  readonly claim: AttemptClaim | null;
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
  abstract admit(deployment: Deployment, ask: AttemptAsk): AttemptPermit | AttemptRefusal;

  /** Share of a deployment's concurrency that is taken, 0…1. An attempt that could be left out is not made at a busy one. */
  abstract load(deployment: Deployment): number;
}

/** Told once of every attempt that ended, and of what the provider said about its limits. */
export abstract class AttemptObserver {
  abstract observed(deployment: Deployment, attempt: AttemptRecord, limits: readonly LimitObservation[]): void;
}
