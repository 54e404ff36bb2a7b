import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PubSub } from 'graphql-subscriptions';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import { OutboxRepository, type StoredEvent } from '../platform/outbox/index.js';

const TICK_MS = 500;
const TOPIC = 'outbox';

/** Hands out notices of the outbox as they are written, on whichever replica, while somebody listens. */
@Injectable()
export class EventFeed implements OnApplicationShutdown {
  readonly #pubSub = new PubSub();
  #listeners = 0;
  #head = 0;
  #stopped = false;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly outbox: OutboxRepository,
    private readonly clock: Clock,
  ) {}

  /** Notices of one organisation whose type begins with `prefix`, written after this call. */
  async *watch(orgId: string, prefix: string): AsyncGenerator<StoredEvent, void, undefined> {
    const events = this.#pubSub.asyncIterableIterator<StoredEvent>(TOPIC);
    await this.#join();
    try {
      for await (const event of { [Symbol.asyncIterator]: () => events as AsyncIterator<StoredEvent> }) {
        if (event.orgId === orgId && event.type.startsWith(prefix)) yield event;
      }
    } finally {
      this.#listeners -= 1;
      await events.return();
    }
  }

  onApplicationShutdown(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #join(): Promise<void> {
    if (this.#listeners === 0) {
      this.#head = await this.unitOfWork.run(async (tx) => {
        await this.outbox.publish(tx);
        return this.outbox.findHead(tx);
      });
    }
    this.#listeners += 1;
    this.#cancel ??= this.clock.after(TICK_MS, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    this.#cancel = undefined;
    if (this.#listeners === 0 || this.#stopped) return;
    try {
      const events = await this.unitOfWork.run(async (tx) => {
        await this.outbox.publish(tx);
        return this.outbox.findAfter(tx, this.#head);
      });
      for (const event of events) {
        this.#head = event.seq;
        await this.#pubSub.publish(TOPIC, event);
      }
    } catch {
      // The database is away: the next tick asks again from the same place.
    }
    this.#cancel = this.clock.after(TICK_MS, () => void this.#tick());
  }
}
