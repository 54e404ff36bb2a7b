import type { Deployment, LimitObservation } from '../../providers/index.js';
import type { BreakerState } from './breaker.js';

/** One limit of a deployment as this replica knows it. Units are requests, tokens or images. */
export interface CapacityLimit {
  readonly unit: LimitObservation['unit'];
  /** Null: nobody said. */
  readonly limit: number | null;
  readonly used: number | null;
  /** Held by calls that run. */
  readonly reserved: number;
  readonly remaining: number | null;
  readonly source: LimitObservation['source'];
  readonly windowMs: number;
  /** Whose limit it is; null: the deployment's own, for all its credentials. */
  readonly credentialId: string | null;
  readonly resetsAtMs: number | null;
  /** At the present rate of use; null: it lasts. */
  readonly exhaustsInMs: number | null;
}

/** One way to a deployment: with one credential, or with none. */
export interface CapacityLane {
  /** Null: the deployment needs none. */
  readonly credentialId: string | null;
  readonly breaker: BreakerState['kind'];
  /** When an open breaker lets the next trial through; null: it is not open. */
  readonly breakerUntilMs: number | null;
  readonly inFlight: number;
  readonly concurrencyLimit: number;
  /** False while the partner refuses the credential. */
  readonly isUsable: boolean;
}

/** Times to first token of the last five minutes, milliseconds; null: too few. */
export interface TtftQuantiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** Where one deployment stands in this replica. */
export interface DeploymentCapacity {
  readonly deployment: Deployment;
  readonly state: Deployment['state'];
  /** That of its best lane: what it lets through as a whole. */
  readonly breaker: BreakerState['kind'];
  /** When the first open breaker lets a trial through; null: the best lane is not open. */
  readonly breakerUntilMs: number | null;
  readonly inFlight: number;
  readonly concurrencyLimit: number;
  readonly lanes: readonly CapacityLane[];
  readonly limits: readonly CapacityLimit[];
  /** Smoothed; null: no answer yet. */
  readonly ttftMs: number | null;
  readonly ttft: TtftQuantiles;
  /** Smoothed share of attempts that the partner did not fail, 0…1; null: no attempt yet. */
  readonly successRatio: number | null;
  /** Smoothed output of one answer; null: unknown. */
  readonly tokensPerSecond: number | null;
  readonly lastOutcomeAtMs: number | null;
  readonly health: 'healthy' | 'degraded' | 'failing' | 'idle' | 'unknown';
}

/** A breaker that changed what it lets through. */
export interface BreakerChange {
  readonly deployment: Deployment;
  readonly credentialId: string | null;
  readonly from: BreakerState['kind'];
  readonly to: BreakerState['kind'];
  readonly atMs: number;
}
