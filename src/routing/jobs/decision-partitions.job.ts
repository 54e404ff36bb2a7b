import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';

import { Clock } from '../../platform/clock/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import { RouteDecisionRepository } from '../persistence/route-decision.repository.js';

const MONTHS = 3;

/** Makes the months that decisions will be written to, long before they begin. */
@Injectable()
export class DecisionPartitionsJob implements OnApplicationBootstrap {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly decisions: RouteDecisionRepository,
    private readonly clock: Clock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.run();
  }

  @Cron('17 3 * * *', { timeZone: 'UTC' })
  async run(): Promise<void> {
    await this.unitOfWork.run((tx) => this.decisions.ensureMonths(tx, this.clock.nowMs(), MONTHS));
  }
}
