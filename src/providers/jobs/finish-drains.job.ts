import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';

import { Clock } from '../../platform/clock/index.js';
import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { ReplicaService } from '../../platform/replica/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { DeploymentAdminService } from '../deployment-admin.service.js';
import type { Deployment } from '../domain/deployment.js';
import { ProviderAdminService } from '../provider-admin.service.js';
import { ProvidersService } from '../providers.service.js';

const EVERY_MS = 1_000;
/** Whoever drains by mistake can resume at once with the version they were given. */
const QUIET_MS = 5_000;

/** Switches off what drains and has nothing running any more: after five quiet seconds, and where other replicas may still run
 *  something, after the longest time an attempt can take. Attempts that run are never touched. */
@Injectable()
export class FinishDrainsJob {
  /** Since when nothing runs there and how long ago it was first seen to drain, by deployment. */
  readonly #watched = new Map<string, { readonly seenAtMs: number; quietSinceMs: number }>();

  readonly #finished = new Set<string>();

  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly providers: ProvidersService,
    private readonly admin: ProviderAdminService,
    private readonly deployments: DeploymentAdminService,
    private readonly replica: ReplicaService,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval(EVERY_MS)
  async tick(): Promise<void> {
    // A database that is away changes nothing: it is tried again.
    await this.run().catch((error: unknown) => {
      this.logger.warn({ event: 'finish_drain', err: error });
    });
  }

  /** One look. */
  async run(): Promise<void> {
    const draining = this.snapshots
      .current()
      .get(this.providers.part)
      .deployments.filter(({ state }) => state === 'draining');
    const ids = new Set(draining.map(({ id }) => id));
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id);
    for (const id of this.#finished) if (!ids.has(id)) this.#finished.delete(id);
    const done = draining.filter((one) => this.#isDone(one));
    const busy = new Set(draining.filter((one) => !done.includes(one)).map(({ providerId }) => providerId));
    for (const { id } of done) {
      // Once: while others of its provider still run something, it drains on with them.
      if (this.#finished.has(id)) continue;
      await this.deployments.finishDrain(id);
      this.#finished.add(id);
    }
    // A provider is done when all that drains there is.
    const providers = new Set(done.map(({ providerId }) => providerId));
    for (const id of providers.difference(busy)) await this.admin.finishDrain(id);
  }

  #isDone(deployment: Deployment): boolean {
    const nowMs = this.clock.monotonicMs();
    const watch = this.#watched.get(deployment.id) ?? { seenAtMs: nowMs, quietSinceMs: nowMs };
    this.#watched.set(deployment.id, watch);
    if (this.providers.load(deployment) > 0) watch.quietSinceMs = nowMs;
    const leastMs = this.replica.alone ? QUIET_MS : deployment.timers.totalMs + QUIET_MS;
    return nowMs - watch.quietSinceMs >= QUIET_MS && nowMs - watch.seenAtMs >= leastMs;
  }
}
