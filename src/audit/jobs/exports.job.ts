import { Injectable } from '@nestjs/common';
import { Cron, CronExpression, Interval } from '@nestjs/schedule';

import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { ExportRunner } from '../export/export-runner.js';

const LOOK_EVERY_MS = 1_000;

/** Makes the bundles that were ordered, one at a time per replica. */
@Injectable()
export class ExportsJob {
  #isRunning = false;

  constructor(
    private readonly runner: ExportRunner,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('audit-exports', LOOK_EVERY_MS)
  async look(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (await this.runner.runNext());
    } catch (error) {
      // The order is tried again, by this replica or another.
      this.logger.warn({ event: 'audit_export_failed', detail: error instanceof Error ? error.message : '' });
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
