import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';

import { Clock } from '../../platform/clock/index.js';
import { jitter } from '../../platform/ids/index.js';
import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { ProvidersService, type Deployment, type ProbeResult } from '../../providers/index.js';
import { RoutingService } from '../../routing/index.js';
import { Readiness } from '../readiness.js';

const EVERY_MS = 15_000;
const QUIET_MS = 30_000;

/** Findings that say something about the partner. A refused credential, a used-up limit or a vendor without a free question says
 *  nothing about whether it answers. */
const FAULTS: ReadonlySet<ProbeResult['problem']> = new Set(['connect', 'timeout', 'server']);

/** Probes, without cost, every credential of every deployment from which nothing was heard for 30 s or whose breaker is open; every
 *  15 s ± 20 %, each by one replica where they share what they know. */
@Injectable()
export class ProbeProvidersJob implements OnApplicationBootstrap, OnApplicationShutdown {
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly providers: ProvidersService,
    private readonly routing: RoutingService,
    private readonly readiness: Readiness,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.#next();
  }

  onApplicationShutdown(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  /** One round. */
  async run(): Promise<void> {
    if (!this.readiness.started || this.readiness.draining) return;
    const { deployments } = this.snapshots.current().get(this.providers.part);
    for (const deployment of deployments) {
      if (deployment.state !== 'enabled') continue;
      for (const credentialId of this.routing.quietCredentials(deployment, QUIET_MS)) {
        if (this.#isStopped) return;
        if (await this.routing.mayProbe(deployment, credentialId, EVERY_MS))
          await this.#probe(deployment, credentialId);
      }
    }
  }

  async #probe(deployment: Deployment, credentialId: string | null): Promise<void> {
    const { ok, problem } = await this.providers.probe(deployment, credentialId);
    if (ok || FAULTS.has(problem)) this.routing.probed(deployment, credentialId, ok);
    if (!ok) this.logger.warn({ event: 'probe', provider: deployment.providerName, problem });
  }

  #next(): void {
    if (this.#isStopped) return;
    this.#cancel = this.clock.after(EVERY_MS * (0.8 + 0.4 * jitter()), () => {
      void this.run()
        .catch((error: unknown) => {
          this.logger.warn({ event: 'probe', err: error });
        })
        .finally(() => {
          this.#next();
        });
    });
  }
}
