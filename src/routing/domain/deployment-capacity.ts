import type { Deployment, LimitObservation } from '../../providers/index.js';
import type { BreakerState } from './breaker.js';

/** One limit of a deployment as this replica knows it. Units are requests or tokens. */
export interface CapacityLimit {
  readonly unit: LimitObservation['unit'] | 'concurrency';
  /** Null: nobody said. */
  readonly limit: number | null;
  readonly used: number | null;
  /** Dispatched and not yet part of a report. */
  readonly reserved: number;
  readonly remaining: number | null;
  readonly source: LimitObservation['source'];
  readonly resetsAtMs: number | null;
}

/** Where one deployment stands in this replica. */
export interface DeploymentCapacity {
  readonly deployment: Deployment;
  readonly state: Deployment['state'];
  readonly breaker: BreakerState['kind'];
  /** When an open breaker lets the next trial through; null: it is not open. */
  readonly breakerUntilMs: number | null;
  readonly inFlight: number;
  readonly concurrencyLimit: number;
  readonly limits: readonly CapacityLimit[];
  /** Smoothed; null: no answer yet. */
  readonly ttftMs: number | null;
  readonly lastOutcomeAtMs: number | null;
  readonly health: 'healthy' | 'degraded' | 'failing' | 'idle' | 'unknown';
}

/** A breaker that changed what it lets through. */
export interface BreakerChange {
  readonly deployment: Deployment;
  readonly from: BreakerState['kind'];
  readonly to: BreakerState['kind'];
  readonly atMs: number;
}
