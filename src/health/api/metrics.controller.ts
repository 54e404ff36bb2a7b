import { Controller, Get, Header } from '@nestjs/common';

import { Public } from '../../platform/security/index.js';
import { Metrics } from '../../platform/telemetry/index.js';
import { RoutingService, type CapacityLimit, type DeploymentCapacity } from '../../routing/index.js';

const BREAKER_STATES = ['closed', 'open', 'half-open', 'ramp'] as const;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

interface PoolSums {
  readonly limit: number;
  readonly used: number;
  readonly reserved: number;
  readonly remaining: number;
  /** The earliest; null: all last. */
  readonly exhaustsInMs: number | null;
}

@Public()
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    private readonly routing: RoutingService,
  ) {}

  /** Prometheus text. Gauges of partners are read when asked for. */
  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async render(): Promise<string> {
    this.#readCapacity();
    return this.metrics.render();
  }

  #readCapacity(): void {
    const { metrics } = this;
    const gauges = [metrics.breakerState, metrics.concurrencyLimit, metrics.concurrencyUsed, metrics.capacityLimit];
    // What is gone leaves no line behind.
    for (const gauge of [...gauges, metrics.capacityUsed, metrics.capacityReserved, metrics.capacityRemaining]) {
      gauge.reset();
    }
    metrics.capacityExhaustion.reset();
    for (const capacity of this.routing.capacity()) this.#readDeployment(capacity);
  }

  #readDeployment({ deployment, breaker, inFlight, concurrencyLimit, limits }: DeploymentCapacity): void {
    const { metrics } = this;
    const labels = { provider: deployment.providerName, model: deployment.model };
    for (const state of BREAKER_STATES) metrics.breakerState.set({ ...labels, state }, state === breaker ? 1 : 0);
    // Regions of one model share their labels.
    metrics.concurrencyLimit.inc(labels, concurrencyLimit);
    metrics.concurrencyUsed.inc(labels, inFlight);
    for (const [unit, sums] of sumByUnit(limits)) {
      const named = { ...labels, unit };
      metrics.capacityLimit.inc(named, sums.limit);
      metrics.capacityUsed.inc(named, sums.used);
      metrics.capacityReserved.inc(named, sums.reserved);
      metrics.capacityRemaining.inc(named, sums.remaining);
      if (sums.exhaustsInMs !== null) metrics.capacityExhaustion.set(named, sums.exhaustsInMs / 1_000);
    }
  }
}

/** Limits of all credentials together, per unit and window; the window of a minute goes without saying. */
function sumByUnit(limits: readonly CapacityLimit[]): ReadonlyMap<string, PoolSums> {
  const sums = new Map<string, PoolSums>();
  for (const { unit, windowMs, limit, used, reserved, remaining, exhaustsInMs } of limits) {
    if (limit === null || remaining === null) continue;
    const name = windowMs === MINUTE_MS ? unit : `${unit}_per_${windowName(windowMs)}`;
    const known = sums.get(name) ?? { limit: 0, used: 0, reserved: 0, remaining: 0, exhaustsInMs: null };
    sums.set(name, {
      limit: known.limit + limit,
      used: known.used + (used ?? 0),
      reserved: known.reserved + reserved,
      remaining: known.remaining + remaining,
      exhaustsInMs: exhaustsInMs === null ? known.exhaustsInMs : Math.min(known.exhaustsInMs ?? Infinity, exhaustsInMs),
    });
  }
  return sums;
}

function windowName(windowMs: number): string {
  return windowMs === DAY_MS ? 'day' : `${String(Math.round(windowMs / 1_000))}s`;
}
