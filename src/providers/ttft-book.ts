import { Injectable } from '@nestjs/common';

import type { AttemptRecord } from './domain/attempt.js';
import type { Deployment, DeploymentTimers } from './domain/deployment.js';
import { TtftSamples } from './domain/ttft-samples.js';

/** The first delta is awaited for three times its usual time at most, and never for less than this. */
const LEAST_MS = 3_000;
const TIMES = 3;

/** What this process learned about how long deployments take to their first delta. */
@Injectable()
export class TtftBook {
  #samples = new Map<string, TtftSamples>();

  /** Forgets deployments that are gone. */
  retain(deployments: readonly Pick<Deployment, 'id'>[]): void {
    const kept = new Set(deployments.map(({ id }) => id));
    this.#samples = new Map([...this.#samples].filter(([id]) => kept.has(id)));
  }

  /** Notes an ended attempt. */
  learn({ deployment, outcome, ttftMs }: AttemptRecord): void {
    if (outcome !== 'ok' || ttftMs === null) return;
    let samples = this.#samples.get(deployment.id);
    if (samples === undefined) this.#samples.set(deployment.id, (samples = new TtftSamples()));
    samples.add(ttftMs);
  }

  /** Milliseconds that `share` of its answers stay under; null while fewer than 200 are known. */
  quantile({ id }: Pick<Deployment, 'id'>, share: number): number | null {
    return this.#samples.get(id)?.quantile(share) ?? null;
  }

  /** The deployment's timers; the one for the first delta lowered to what was learned. Where an answer comes as a whole it stays:
   *  such a time is that of the answer. */
  timersOf(deployment: Deployment): DeploymentTimers {
    const { timers, capabilities } = deployment;
    const usual = capabilities.stream ? this.quantile(deployment, 0.99) : null;
    if (usual === null) return timers;
    return { ...timers, ttftMs: Math.min(timers.ttftMs, Math.max(LEAST_MS, TIMES * usual)) };
  }
}
