import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { jitter } from '../platform/ids/index.js';
import type {
  AttemptGate,
  AttemptObserver,
  AttemptPermit,
  AttemptRecord,
  AttemptRefusal,
  Deployment,
  LimitObservation,
} from '../providers/index.js';
import { DeploymentMeter } from './deployment-meter.js';
import type { BreakerSignal } from './domain/breaker.js';
import type { BreakerChange, DeploymentCapacity } from './domain/deployment-capacity.js';
import type { LiveDeployment } from './domain/route-request.js';

/** Meters of all deployments in this replica: one breaker each, also for a lone one. Bound to the gate and the observer of
 *  attempts in `app.module.ts`. Holds one meter per deployment of the snapshot and those that still run. */
@Injectable()
export class CapacityBoard implements AttemptGate, AttemptObserver {
  readonly #meters = new Map<string, DeploymentMeter>();
  #served = 0;
  readonly #listeners: ((change: BreakerChange) => void)[] = [];

  constructor(private readonly clock: Clock) {}

  /** Takes a permit for one attempt, or says why there is none. */
  admit(deployment: Deployment, atMs: number): AttemptPermit | AttemptRefusal {
    const meter = this.#meterOf(deployment);
    this.#signal(meter, { kind: 'time' }, atMs);
    const refusal = meter.refusal(atMs, jitter());
    if (refusal === null) return { ok: true, release: meter.take(atMs) };
    const { reason, retryAtMs } = refusal;
    return retryAtMs === null
      ? { ok: false, reason }
      : { ok: false, reason, retryAfterMs: Math.max(0, retryAtMs - atMs) };
  }

  /** Share of a deployment's concurrency that is taken, 0…1. */
  load(deployment: Deployment): number {
    return this.#meterOf(deployment).load;
  }

  /** Attempts that a partner answered since this replica started. */
  get served(): number {
    return this.#served;
  }

  /** Learns from an attempt that ended. */
  observed(deployment: Deployment, attempt: AttemptRecord, limits: readonly LimitObservation[]): void {
    const nowMs = attempt.endedAtMs ?? this.clock.nowMs();
    if (attempt.outcome === 'ok') this.#served += 1;
    const meter = this.#meterOf(deployment);
    const signal = meter.learn(attempt, limits, nowMs);
    if (signal !== null) this.#signal(meter, signal, nowMs);
  }

  /** Learns from an unbilled probe: success may end an open breaker early and never closes one. */
  probed(deployment: Deployment, ok: boolean): void {
    const nowMs = this.clock.nowMs();
    const meter = this.#meterOf(deployment);
    meter.noteProbe(ok, nowMs);
    this.#signal(meter, ok ? { kind: 'probed' } : { kind: 'failure' }, nowMs);
  }

  /** What the plan may know about a deployment. A ramp admits by `random`. */
  live(deployment: Deployment, atMs: number, random: number): LiveDeployment {
    const meter = this.#meterOf(deployment);
    this.#signal(meter, { kind: 'time' }, atMs);
    return meter.live(atMs, random);
  }

  /** Where these deployments stand now. */
  capacity(deployments: readonly Deployment[]): readonly DeploymentCapacity[] {
    const nowMs = this.clock.nowMs();
    return deployments.map((deployment) => this.#meterOf(deployment).capacity(nowMs));
  }

  /** Those that had no outcome for `quietMs`, or whose breaker is open. */
  quiet(deployments: readonly Deployment[], quietMs: number): readonly Deployment[] {
    const nowMs = this.clock.nowMs();
    return deployments.filter((deployment) => {
      const meter = this.#meterOf(deployment);
      const { lastOutcomeAtMs } = meter;
      return meter.breaker.kind === 'open' || lastOutcomeAtMs === null || nowMs - lastOutcomeAtMs >= quietMs;
    });
  }

  /** Forgets meters of deployments that are gone and have nothing running. */
  keep(deployments: readonly Deployment[]): void {
    const ids = new Set(deployments.map(({ id }) => id));
    for (const [id, meter] of this.#meters) if (!ids.has(id) && meter.idle) this.#meters.delete(id);
  }

  /** Calls `listener` when a breaker lets something else through. It must not throw. */
  onBreakerChange(listener: (change: BreakerChange) => void): void {
    this.#listeners.push(listener);
  }

  #signal(meter: DeploymentMeter, signal: BreakerSignal, nowMs: number): void {
    const from = meter.signal(signal, nowMs, jitter());
    if (from === null) return;
    const change: BreakerChange = { deployment: meter.deployment, from, to: meter.breaker.kind, atMs: nowMs };
    for (const listener of this.#listeners) listener(change);
  }

  #meterOf(deployment: Deployment): DeploymentMeter {
    const known = this.#meters.get(deployment.id);
    if (known === undefined) {
      const meter = new DeploymentMeter(deployment);
      this.#meters.set(deployment.id, meter);
      return meter;
    }
    // A newer snapshot's row: limits and weight may have changed, what was learned stays.
    if (known.deployment.version < deployment.version) known.deployment = deployment;
    return known;
  }
}
