import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { AuditModule } from '../audit/index.js';
import { PricesController } from './api/prices.controller.js';
import { CatalogueJob } from './jobs/catalogue.job.js';
import { MonthsJob } from './jobs/months.job.js';
import { RollupsJob } from './jobs/rollups.job.js';
import { MeteringService } from './metering.service.js';
import { METERING_ENTITIES } from './persistence/entities.js';
import { LedgerRepository } from './persistence/ledger.repository.js';
import { PriceVersionRepository } from './persistence/price-version.repository.js';
import { RollupRepository } from './persistence/rollup.repository.js';
import { UsageRecordRepository } from './persistence/usage-record.repository.js';
import { PricesService } from './prices.service.js';
import { RollupsService } from './rollups/rollups.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([...METERING_ENTITIES]), AuditModule],
  controllers: [PricesController],
  providers: [
    MeteringService,
    PricesService,
    CatalogueJob,
    MonthsJob,
    RollupsJob,
    RollupsService,
    RollupRepository,
    LedgerRepository,
    PriceVersionRepository,
    UsageRecordRepository,
  ],
  exports: [MeteringService, PricesService, RollupsService],
})
export class MeteringModule {}
