import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { jitter, newId } from '../platform/ids/index.js';
import { OutboxRepository } from '../platform/outbox/index.js';
import { waitBeforeRetry } from './domain/retry-schedule.js';
import type { Delivery, DeliveryAttempt, DisabledBecause, Endpoint } from './domain/webhook.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';
import type { SendResult } from './webhook-sender.js';

const GONE = 410;

/** What follows from an attempt: the delivery ends or comes again, the endpoint is well, ails, or is switched off. */
@Injectable()
export class WebhookOutcomes {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly deliveries: DeliveryRepository,
    private readonly endpoints: EndpointRepository,
    private readonly outbox: OutboxRepository,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  async note(delivery: Delivery, attempt: DeliveryAttempt, result: SendResult): Promise<void> {
    const ok = result.error === null;
    const gone = result.status === GONE;
    const waitMs = ok || gone ? null : waitBeforeRetry(attempt.n, jitter(), result.retryAfterMs);
    await this.unitOfWork.run(async (tx) => {
      const endpoint = await this.endpoints.noteHealth(tx, delivery.endpointId, ok ? null : attempt.atMs);
      await this.deliveries.noteAttempt(tx, delivery.id, attempt, {
        state: ok ? 'delivered' : waitMs === null ? 'failed' : 'pending',
        nextAtMs: waitMs === null ? null : this.clock.nowMs() + waitMs,
      });
      if (ok || waitMs !== null || endpoint?.state !== 'enabled') return;
      if (gone) await this.#disable(tx, endpoint, 'gone');
      else if (await this.#failedThroughout(tx, endpoint, delivery)) await this.#disable(tx, endpoint, 'failing');
    });
  }

  /** True when nothing arrived since the first attempt of a delivery whose attempts are used up. */
  async #failedThroughout(tx: Tx, { failingSinceMs }: Endpoint, delivery: Delivery): Promise<boolean> {
    const firstMs = await this.deliveries.findFirstAttemptMs(tx, delivery.id);
    return firstMs !== undefined && failingSinceMs !== null && failingSinceMs <= firstMs;
  }

  async #disable(tx: Tx, endpoint: Endpoint, because: DisabledBecause): Promise<void> {
    const after: Endpoint = {
      ...endpoint,
      state: 'disabled',
      disabledBecause: because,
      version: endpoint.version + 1,
    };
    await this.endpoints.update(tx, after, endpoint.version);
    await this.audit.record(tx, {
      type: 'webhook.change',
      principal: null,
      orgId: endpoint.orgId,
      object: { kind: 'webhook', id: endpoint.id, version: after.version },
      fields: ['disabledBecause', 'state'],
      old: { state: 'enabled', disabledBecause: null },
      new: { state: 'disabled', disabledBecause: because },
    });
    const data = { webhookId: endpoint.id, because };
    await this.outbox.insert(tx, [
      { id: newId(), orgId: endpoint.orgId, type: 'webhook.disabled', atMs: this.clock.nowMs(), data },
    ]);
  }
}
