import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import type { Delivery, StoredKey } from './domain/webhook.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';
import { WebhookKeys } from './webhook-keys.js';
import { WebhookOutcomes } from './webhook-outcomes.js';
import { WebhookSender } from './webhook-sender.js';

/** Longer than an attempt can take: whoever died in between leaves its deliveries for that long. */
const LEASE_MS = 60_000;
/** At once, to one receiver; a slow one takes no more than that from the others. */
const PER_ENDPOINT = 4;
/** At once, from one process. */
const MAX_IN_FLIGHT = 64;

type Claimed = Delivery & { readonly url: string };

/** Sends what is due. At least once: a receiver that answered to a process which died before it noted that is told again, with
 *  the same `webhook-id`. Attempts to one endpoint begin in the order of the outbox, at most four at once. */
@Injectable()
export class WebhookDispatcher implements OnApplicationShutdown {
  readonly #running = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly deliveries: DeliveryRepository,
    private readonly endpoints: EndpointRepository,
    private readonly keys: WebhookKeys,
    private readonly sender: WebhookSender,
    private readonly outcomes: WebhookOutcomes,
    private readonly clock: Clock,
  ) {}

  /** Begins what is due now and may begin; does not wait for answers. Returns how many it began. */
  async begin(): Promise<number> {
    if (this.#stopped) return 0;
    const claimed = await this.#claim();
    const keys = await this.unitOfWork.read((tx) =>
      this.endpoints.findKeys(tx, [...new Set(claimed.map(({ endpointId }) => endpointId))], this.clock.nowMs()),
    );
    for (const [endpointId, own] of Map.groupBy(claimed, (one) => one.endpointId)) {
      const signing = keys.filter((key) => key.endpointId === endpointId);
      const work = Promise.all(own.map((one) => this.#deliver(one, signing))).then(
        () => undefined,
        // Not noted, so it is due again after its lease.
        () => undefined,
      );
      this.#running.set(
        endpointId,
        work.finally(() => this.#running.delete(endpointId)),
      );
    }
    return claimed.length;
  }

  /** Resolves when nothing that was begun is under way any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    this.sender.stop();
    await this.settled();
  }

  #claim(): Promise<readonly Claimed[]> {
    const limit = Math.max(0, Math.floor(MAX_IN_FLIGHT / PER_ENDPOINT) - this.#running.size) * PER_ENDPOINT;
    if (limit === 0) return Promise.resolve([]);
    return this.unitOfWork.run((tx) =>
      this.deliveries.claimDue(tx, {
        atMs: this.clock.nowMs(),
        leaseMs: LEASE_MS,
        perEndpoint: PER_ENDPOINT,
        limit,
        busy: [...this.#running.keys()],
      }),
    );
  }

  async #deliver(delivery: Claimed, keys: readonly StoredKey[]): Promise<void> {
    const atMs = this.clock.nowMs();
    const startedMs = this.clock.monotonicMs();
    const timestamp = Math.floor(atMs / 1_000);
    const message = { id: delivery.messageId, timestamp, body: delivery.body };
    const result = await this.sender.send(
      delivery.url,
      {
        'content-type': delivery.contentType,
        'webhook-id': delivery.messageId,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': this.keys.sign(keys, message),
      },
      delivery.body,
    );
    // Broken off because this process ends: another one sends it when the lease is over.
    if (this.#stopped && result.status === null) return;
    const durationMs = Math.round(this.clock.monotonicMs() - startedMs);
    const attempt = { n: delivery.attempts, atMs, durationMs, status: result.status, error: result.error };
    await this.outcomes.note(delivery, attempt, result);
  }
}
