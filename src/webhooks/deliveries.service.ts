import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import type { Delivery, DeliveryAttempt } from './domain/webhook.js';
import { DeliveryRepository, type DeliveryFilter } from './persistence/delivery.repository.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';
import { WebhookFanOut } from './webhook-fan-out.js';
import { found } from './webhooks.service.js';

const DAY_MS = 86_400_000;
/** How long what was sent can be looked at and sent again. Source: wire contract §5. */
const KEPT_DAYS = 30;
const REMOVED_AT_ONCE = 5_000;

/** A delivery with its attempts, in order. */
export interface DeliveryView {
  readonly delivery: Delivery;
  readonly attempts: readonly DeliveryAttempt[];
}

/** What was sent to an endpoint, and sending it again. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly endpoints: EndpointRepository,
    private readonly deliveries: DeliveryRepository,
    private readonly fanOut: WebhookFanOut,
    private readonly clock: Clock,
  ) {}

  /** Newest first, one more than `limit` when there are more. @throws AppError not_found */
  async list(
    principal: Principal,
    filter: DeliveryFilter,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly DeliveryView[]> {
    return this.unitOfWork.read(async (tx) => {
      found(await this.endpoints.find(tx, principal.orgId, filter.endpointId));
      const rows = await this.deliveries.findPage(tx, filter, { ...page, limit: page.limit + 1 });
      const attempts = await this.deliveries.findAttempts(
        tx,
        rows.map(({ id }) => id),
      );
      return rows.map((delivery) => ({ delivery, attempts: attempts.get(delivery.id) ?? [] }));
    });
  }

  /** @throws AppError not_found */
  async find(principal: Principal, endpointId: string, id: string): Promise<DeliveryView> {
    return this.unitOfWork.read(async (tx) => {
      found(await this.endpoints.find(tx, principal.orgId, endpointId));
      const delivery = found(await this.deliveries.find(tx, endpointId, id));
      const attempts = await this.deliveries.findAttempts(tx, [id]);
      return { delivery, attempts: attempts.get(id) ?? [] };
    });
  }

  /** Sends the same message again, with the same `webhook-id`, as a delivery of its own. @throws AppError not_found; conflict — it
   *  is still being tried, or the endpoint is disabled */
  async replay(principal: Principal, endpointId: string, id: string): Promise<DeliveryView> {
    return this.unitOfWork.run(async (tx) => {
      const endpoint = found(await this.endpoints.find(tx, principal.orgId, endpointId));
      requireEnabled(endpoint.state);
      const before = found(await this.deliveries.find(tx, endpointId, id));
      if (before.state === 'pending') {
        throw new AppError('conflict', 'This delivery is still being tried. Wait for its end, then replay it.');
      }
      const nowMs = this.clock.nowMs();
      const delivery: Delivery = {
        ...before,
        id: newId(),
        replayOf: before.replayOf ?? before.id,
        state: 'pending',
        attempts: 0,
        nextAtMs: nowMs,
        createdAtMs: nowMs,
        endedAtMs: null,
      };
      await this.deliveries.insert(tx, [delivery]);
      return { delivery, attempts: [] };
    });
  }

  /** Sends a `webhook.test` to one endpoint. @throws AppError not_found; conflict — it is disabled */
  async test(principal: Principal, endpointId: string): Promise<DeliveryView> {
    return this.unitOfWork.run(async (tx) => {
      const endpoint = found(await this.endpoints.find(tx, principal.orgId, endpointId));
      requireEnabled(endpoint.state);
      const delivery = this.fanOut.deliveryOf(endpoint, {
        id: newId(),
        type: 'webhook.test',
        atMs: this.clock.nowMs(),
        data: { webhookId: endpoint.id },
        seq: null,
      });
      await this.deliveries.insert(tx, [delivery]);
      return { delivery, attempts: [] };
    });
  }

  /** Forgets what is older than thirty days. */
  async removeOld(): Promise<void> {
    const atMs = this.clock.nowMs();
    let removed: number;
    do {
      removed = await this.unitOfWork.run((tx) =>
        this.deliveries.removeOlderThan(tx, atMs - KEPT_DAYS * DAY_MS, REMOVED_AT_ONCE),
      );
    } while (removed === REMOVED_AT_ONCE);
    await this.unitOfWork.run((tx) => this.endpoints.removeRetiredKeys(tx, atMs));
  }
}

function requireEnabled(state: 'enabled' | 'disabled'): void {
  if (state === 'disabled') {
    throw new AppError('conflict', 'The endpoint is disabled. Set its state to enabled first.');
  }
}
