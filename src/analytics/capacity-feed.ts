import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PubSub } from 'graphql-subscriptions';

import { Clock } from '../platform/clock/index.js';
import type { Criticality } from '../platform/security/index.js';
import { Metrics } from '../platform/telemetry/index.js';
import { CapacityQueue } from '../quotas/index.js';
import { RoutingService, type DeploymentCapacity } from '../routing/index.js';

const TICK_MS = 1_000;
const TOPIC = 'dashboard';

/** One picture of all partners. */
export interface CapacityPicture {
  readonly seq: number;
  readonly asOfMs: number;
  readonly requestsPerSecond: number;
  readonly capacity: readonly DeploymentCapacity[];
  /** Name of a credential by its id. */
  readonly credentialNames: (id: string) => string | null;
  /** Calls that wait for a partner. */
  readonly depths: Readonly<Record<Criticality, number>>;
  /** Classes from which calls were shed in the last ten seconds. */
  readonly shedding: readonly Criticality[];
  readonly degraded: readonly string[];
}

/** Takes a picture of the partners once a second while somebody watches. */
@Injectable()
export class CapacityFeed implements OnApplicationShutdown {
  readonly #pubSub = new PubSub();
  #watchers = 0;
  #seq = 0;
  #lastAttempts = 0;
  #perSecond = 0;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly routing: RoutingService,
    private readonly queue: CapacityQueue,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Pictures from now on, the first at once. Ends when the consumer stops. */
  async *watch(): AsyncGenerator<{ dashboard: CapacityPicture }, void, undefined> {
    const pictures = this.#pubSub.asyncIterableIterator<{ dashboard: CapacityPicture }>(TOPIC);
    this.#watchers += 1;
    this.#cancel ??= this.clock.after(TICK_MS, () => {
      void this.#tick();
    });
    try {
      yield { dashboard: this.picture() };
      for await (const picture of {
        [Symbol.asyncIterator]: () => pictures as AsyncIterator<{ dashboard: CapacityPicture }>,
      })
        yield picture;
    } finally {
      this.#watchers -= 1;
      await pictures.return();
    }
  }

  /** The partners as they stand now. */
  picture(): CapacityPicture {
    this.#seq += 1;
    return {
      seq: this.#seq,
      asOfMs: this.clock.nowMs(),
      requestsPerSecond: this.#perSecond,
      capacity: this.routing.capacity(),
      credentialNames: this.routing.credentialNames(),
      depths: this.queue.depths,
      shedding: this.queue.shedding,
      degraded: this.routing.degraded(),
    };
  }

  onApplicationShutdown(): void {
    this.#cancel?.();
    this.#watchers = 0;
  }

  async #tick(): Promise<void> {
    this.#cancel = undefined;
    if (this.#watchers === 0) return;
    const { values } = await this.metrics.attempts.get();
    const attempts = values.reduce((total, { value }) => total + value, 0);
    this.#perSecond = Math.max(0, attempts - this.#lastAttempts);
    this.#lastAttempts = attempts;
    await this.#pubSub.publish(TOPIC, { dashboard: this.picture() });
    this.#cancel = this.clock.after(TICK_MS, () => void this.#tick());
  }
}
