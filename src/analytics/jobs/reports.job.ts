import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Cron, CronExpression, Interval } from '@nestjs/schedule';

import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { ReportRunner } from '../reports/report-runner.js';

const LOOK_EVERY_MS = 2_000;

/** Makes the files that were ordered, one at a time per replica. */
@Injectable()
export class ReportsJob implements OnModuleDestroy {
  #isRunning = false;

  constructor(
    private readonly runner: ReportRunner,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** What is in the making is carried on by another replica, from its last complete unit on. */
  async onModuleDestroy(): Promise<void> {
    await this.runner.stop();
  }

  @Interval(LOOK_EVERY_MS)
  async look(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (await this.runner.runNext());
    } catch (error) {
      // The job is tried again, by this replica or another.
      this.logger.warn({ event: 'report_failed', error });
    } finally {
      this.#isRunning = false;
    }
  }

  @Cron(CronExpression.EVERY_HOUR)
  async removeExpired(): Promise<void> {
    // Files that stay an hour longer harm nobody.
    await this.runner.removeExpired().catch(() => undefined);
  }
}
