import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { WebhooksConfig } from '../platform/config/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { newId } from '../platform/ids/index.js';
import { OutboxRepository } from '../platform/outbox/index.js';
import { writeMessage, type Notice } from './domain/message.js';
import type { Delivery, Endpoint } from './domain/webhook.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';

const PAGE = 500;

/** Hands notices of the outbox to the endpoints that want them: each notice once per endpoint, in the transaction that moves on. */
@Injectable()
export class WebhookFanOut {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly outbox: OutboxRepository,
    private readonly endpoints: EndpointRepository,
    private readonly deliveries: DeliveryRepository,
    private readonly config: WebhooksConfig,
    private readonly clock: Clock,
  ) {}

  /** Hands out everything that is published by now; nothing while another replica does. Returns how many deliveries it made. */
  async handOut(): Promise<number> {
    let made = 0;
    for (;;) {
      const { read, added } = await this.unitOfWork.run((tx) => this.#page(tx));
      made += added;
      if (read < PAGE) return made;
    }
  }

  /** A delivery of a notice to an endpoint, due at once. */
  deliveryOf(endpoint: Pick<Endpoint, 'id' | 'orgId' | 'format'>, event: Notice): Delivery {
    const nowMs = this.clock.nowMs();
    return {
      id: newId(),
      orgId: endpoint.orgId,
      endpointId: endpoint.id,
      messageId: event.id,
      eventType: event.type,
      seq: event.seq,
      ...writeMessage(event, endpoint.format, this.config.instance),
      replayOf: null,
      state: 'pending',
      attempts: 0,
      nextAtMs: nowMs,
      createdAtMs: nowMs,
      endedAtMs: null,
    };
  }

  async #page(tx: Tx): Promise<{ readonly read: number; readonly added: number }> {
    await this.outbox.publish(tx);
    const position = await this.deliveries.lockCursor(tx);
    if (position === undefined) return { read: 0, added: 0 };
    const events = await this.outbox.findAfter(tx, position);
    const last = events.at(-1);
    if (last === undefined) return { read: 0, added: 0 };
    const enabled = await this.endpoints.findEnabled(tx, [...new Set(events.map(({ orgId }) => orgId))]);
    const wanted = events.flatMap((event) =>
      enabled
        .filter(({ orgId, eventTypes }) => orgId === event.orgId && wants(eventTypes, event.type))
        .map((endpoint) => this.deliveryOf(endpoint, event)),
    );
    await this.deliveries.insert(tx, wanted);
    await this.deliveries.moveCursor(tx, last.seq);
    return { read: events.length, added: wanted.length };
  }
}

function wants(types: Endpoint['eventTypes'], type: string): boolean {
  return types.length === 0 || types.includes(type);
}
