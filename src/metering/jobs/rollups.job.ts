import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';

import { Clock } from '../../platform/clock/index.js';
import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { RollupsService } from '../rollups/rollups.service.js';

const BUDGET_MS = 50_000;
const CHECKED_DAYS = 35;

/** Sums usage every minute and compares the sums with records and ledger once a day. Replicas share one lock. */
@Injectable()
export class RollupsJob {
  #isRunning = false;

  constructor(
    private readonly rollups: RollupsService,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Cron(CronExpression.EVERY_MINUTE)
  async refresh(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      await this.rollups.refresh(this.clock.nowMs() + BUDGET_MS);
    } catch (error) {
      // A database that is away now is asked again in a minute; reports read the records until then.
      this.logger.warn({ event: 'rollups_not_refreshed', error });
    } finally {
      this.#isRunning = false;
    }
  }

  @Cron(CronExpression.EVERY_DAY_AT_4AM)
  async check(): Promise<void> {
    try {
      const differences = await this.rollups.check(CHECKED_DAYS);
      for (const { day, orgId, currency } of differences) {
        this.logger.error({ event: 'rollup_differs', day, orgId, currency });
      }
    } catch (error) {
      this.logger.warn({ event: 'rollups_not_checked', error });
    }
  }
}
