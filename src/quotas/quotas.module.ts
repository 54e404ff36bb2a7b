import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { AuditModule } from '../audit/index.js';
import { IdentityModule } from '../identity/index.js';
import { OverridesController } from './api/overrides.controller.js';
import { QuotasController } from './api/quotas.controller.js';
import { CapacityQueue } from './capacity-queue.js';
import { OverridesJob } from './jobs/overrides.job.js';
import { OverrideRecords } from './override-records.js';
import { OverrideUses } from './override-uses.js';
import { OverridesService } from './overrides.service.js';
import { QUOTAS_ENTITIES } from './persistence/entities.js';
import { OverrideRepository } from './persistence/override.repository.js';
import { QuotaPolicyRepository } from './persistence/quota-policy.repository.js';
import { QuotaAdminService } from './quota-admin.service.js';
import { QuotasService } from './quotas.service.js';

@Module({
  imports: [TypeOrmModule.forFeature(QUOTAS_ENTITIES), AuditModule, IdentityModule],
  controllers: [QuotasController, OverridesController],
  providers: [
    CapacityQueue,
    QuotasService,
    QuotaAdminService,
    OverridesService,
    OverrideRecords,
    OverrideUses,
    OverridesJob,
    OverrideRepository,
    QuotaPolicyRepository,
  ],
  exports: [CapacityQueue, QuotasService, QuotaAdminService, OverridesService],
})
export class QuotasModule {}
