import { Controller, Get, Header } from '@nestjs/common';

import { Public } from '../../platform/security/index.js';
import { Metrics } from '../../platform/telemetry/index.js';
import { RoutingService } from '../../routing/index.js';

const BREAKER_STATES = ['closed', 'open', 'half-open', 'ramp'] as const;

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
    for (const { deployment, breaker, limits } of this.routing.capacity()) {
      const labels = { provider: deployment.providerName, model: deployment.model };
      for (const state of BREAKER_STATES)
        this.metrics.breakerState.set({ ...labels, state }, state === breaker ? 1 : 0);
      for (const { unit, limit, used, reserved } of limits) {
        if (limit !== null) this.metrics.capacityLimit.set({ ...labels, unit }, limit);
        if (used !== null) this.metrics.capacityUsed.set({ ...labels, unit }, used);
        this.metrics.capacityReserved.set({ ...labels, unit }, reserved);
      }
    }
  }
}
