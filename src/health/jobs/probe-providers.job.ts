import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';

import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { ProvidersService } from '../../providers/index.js';
import { RoutingService } from '../../routing/index.js';
import { Readiness } from '../readiness.js';

const EVERY_MS = 15_000;
const QUIET_MS = 30_000;

/** Probes, without cost, every deployment from which nothing was heard for 30 s or whose breaker is open. */
@Injectable()
export class ProbeProvidersJob {
  #running = false;

  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly providers: ProvidersService,
    private readonly routing: RoutingService,
    private readonly readiness: Readiness,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('probe-providers', EVERY_MS)
  async run(): Promise<void> {
    if (this.#running || !this.readiness.started || this.readiness.draining) return;
    this.#running = true;
    try {
      const directory = this.snapshots.current().get(this.providers.part);
      const due = this.routing.quietDeployments(QUIET_MS);
      for (const deployment of directory.deployments) {
        if (deployment.state !== 'enabled' || !due.has(deployment.id)) continue;
        const result = await this.providers.probe(deployment);
        this.routing.probed(deployment, result.ok);
        if (!result.ok)
          this.logger.warn({ event: 'probe', provider: deployment.providerName, problem: result.problem });
      }
    } finally {
      this.#running = false;
    }
  }
}
