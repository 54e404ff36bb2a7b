import { Injectable } from '@nestjs/common';
import { Cron, CronExpression, Interval } from '@nestjs/schedule';

import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { DeliveriesService } from '../deliveries.service.js';
import { WebhookDispatcher } from '../webhook-dispatcher.js';
import { WebhookFanOut } from '../webhook-fan-out.js';

const EVERY_MS = 1_000;

/** Hands out notices and sends what is due. Replicas share the work: each delivery is taken by one. */
@Injectable()
export class WebhooksJob {
  #isRunning = false;

  constructor(
    private readonly fanOut: WebhookFanOut,
    private readonly dispatcher: WebhookDispatcher,
    private readonly deliveries: DeliveriesService,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval(EVERY_MS)
  async tick(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      await this.fanOut.handOut();
      await this.dispatcher.begin();
    } catch (error) {
      // The database is away: the next second sees the same notices.
      this.logger.warn({ event: 'webhooks', err: error });
    } finally {
      this.#isRunning = false;
    }
  }

  @Cron(CronExpression.EVERY_DAY_AT_4AM)
  async removeOld(): Promise<void> {
    await this.deliveries.removeOld().catch((error: unknown) => {
      this.logger.warn({ event: 'webhooks_remove_old', err: error });
    });
  }
}
