import { Module } from '@nestjs/common';

import { AuditModule } from '../audit/index.js';
import { IdentityModule } from '../identity/index.js';
import { MeteringModule } from '../metering/index.js';
import { BudgetsController } from './api/budgets.controller.js';
import { BudgetAdminService } from './budget-admin.service.js';
import { BalanceIds } from './balance-ids.js';
import { BudgetFlush } from './budget-flush.js';
import { BudgetTreePart } from './budget-tree-part.js';
import { BudgetsService } from './budgets.service.js';
import { ChangedCharges } from './changed-charges.js';
import { LateTruth } from './late-truth.js';
import { LedgerCheck } from './ledger-check.js';
import { OpeningBalances } from './opening-balances.js';
import { BalanceRepository } from './persistence/balance.repository.js';
import { LedgerCheckJob } from './jobs/ledger-check.job.js';
import { ThresholdsJob } from './jobs/thresholds.job.js';
import { BudgetRepository } from './persistence/budget.repository.js';
import { ThresholdRepository } from './persistence/threshold.repository.js';
import { ThresholdWatch } from './threshold-watch.js';

@Module({
  imports: [AuditModule, IdentityModule, MeteringModule],
  controllers: [BudgetsController],
  providers: [
    BudgetAdminService,
    BalanceIds,
    BudgetFlush,
    BudgetTreePart,
    BudgetsService,
    ChangedCharges,
    LateTruth,
    LedgerCheck,
    OpeningBalances,
    BalanceRepository,
    BudgetRepository,
    ThresholdRepository,
    ThresholdWatch,
    LedgerCheckJob,
    ThresholdsJob,
  ],
  exports: [BudgetsService, BudgetAdminService, ChangedCharges],
})
export class BudgetsModule {}
