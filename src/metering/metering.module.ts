import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { AuditModule } from '../audit/index.js';
import { CostCentresController } from './api/cost-centres.controller.js';
import { InvoicesController } from './api/invoices.controller.js';
import { PriceImportsController } from './api/price-imports.controller.js';
import { PricesController } from './api/prices.controller.js';
import { ReconciliationsController } from './api/reconciliations.controller.js';
import { StatementsController } from './api/statements.controller.js';
import { InvoicesService } from './invoices/invoices.service.js';
import { ReconciliationSurroundings } from './invoices/reconciliation-surroundings.js';
import { ReconciliationsService } from './invoices/reconciliations.service.js';
import { VariancePosting } from './invoices/variance-posting.js';
import { CatalogueJob } from './jobs/catalogue.job.js';
import { MonthsJob } from './jobs/months.job.js';
import { RollupsJob } from './jobs/rollups.job.js';
import { LateCharges } from './late-charges.js';
import { MeteringService } from './metering.service.js';
import { ChargeRepository } from './persistence/charge.repository.js';
import { CostCentreRepository } from './persistence/cost-centre.repository.js';
import { METERING_ENTITIES } from './persistence/entities.js';
import { InvoiceRepository } from './persistence/invoice.repository.js';
import { LedgerRepository } from './persistence/ledger.repository.js';
import { PriceImportRepository } from './persistence/price-import.repository.js';
import { PriceVersionRepository } from './persistence/price-version.repository.js';
import { ReconciliationRepository } from './persistence/reconciliation.repository.js';
import { RollupRepository } from './persistence/rollup.repository.js';
import { StatementRepository } from './persistence/statement.repository.js';
import { UsageRecordRepository } from './persistence/usage-record.repository.js';
import { PriceImportSurroundings } from './price-import-surroundings.js';
import { PriceImportsService } from './price-imports.service.js';
import { PricesService } from './prices.service.js';
import { RollupsService } from './rollups/rollups.service.js';
import { CostCentresService } from './statements/cost-centres.service.js';
import { StatementsService } from './statements/statements.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([...METERING_ENTITIES]), AuditModule],
  controllers: [
    CostCentresController,
    InvoicesController,
    PriceImportsController,
    PricesController,
    ReconciliationsController,
    StatementsController,
  ],
  providers: [
    MeteringService,
    PricesService,
    PriceImportsService,
    PriceImportSurroundings,
    PriceImportRepository,
    CatalogueJob,
    MonthsJob,
    RollupsJob,
    RollupsService,
    RollupRepository,
    CostCentresService,
    CostCentreRepository,
    StatementsService,
    StatementRepository,
    InvoicesService,
    ReconciliationsService,
    ReconciliationSurroundings,
    VariancePosting,
    LateCharges,
    ChargeRepository,
    InvoiceRepository,
    ReconciliationRepository,
    LedgerRepository,
    PriceVersionRepository,
    UsageRecordRepository,
  ],
  exports: [
    MeteringService,
    LateCharges,
    PricesService,
    RollupsService,
    StatementsService,
    InvoicesService,
    ReconciliationsService,
  ],
})
export class MeteringModule {}
