import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';

import { MeteringService } from '../metering.service.js';

/** Makes the tables of coming months at start and once a day. Any number of replicas may do it at once. */
@Injectable()
export class MonthsJob implements OnApplicationBootstrap {
  constructor(private readonly metering: MeteringService) {}

  /** A replica that cannot have its tables does not start. */
  async onApplicationBootstrap(): Promise<void> {
    await this.metering.ensureMonths();
  }

  @Cron(CronExpression.EVERY_DAY_AT_3AM)
  async run(): Promise<void> {
    // Two months are in reserve: a database that is away today is asked again tomorrow.
    await this.metering.ensureMonths().catch(() => undefined);
  }
}
