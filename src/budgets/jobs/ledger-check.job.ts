import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';

import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { Metrics } from '../../platform/telemetry/index.js';
import { LedgerCheck } from '../ledger-check.js';

const SHOWN = 5;

/** Compares ledger, balances, holds and usage once a night. What it finds is an alarm; it mends nothing. */
@Injectable()
export class LedgerCheckJob {
  constructor(
    private readonly check: LedgerCheck,
    private readonly metrics: Metrics,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Cron(CronExpression.EVERY_DAY_AT_5AM)
  async run(): Promise<void> {
    try {
      const findings = await this.check.run();
      this.metrics.ledgerImbalance.set(findings.length);
      if (findings.length === 0) return;
      this.logger.error({ event: 'ledger_imbalance', findings: findings.length, first: findings.slice(0, SHOWN) });
    } catch (error) {
      this.logger.warn({ event: 'ledger_check_failed', detail: error instanceof Error ? error.message : '' });
    }
  }
}
