import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { AuditModule } from '../audit/index.js';
import { IdentityModule } from '../identity/index.js';
import { DocumentsController } from './api/documents.controller.js';
import { InvestigationsController } from './api/investigations.controller.js';
import { OperationsController } from './api/operations.controller.js';
import { CaseChanges } from './case-changes.js';
import { CaseGate } from './case-gate.js';
import { CasePeople } from './case-people.js';
import { CasesService } from './cases.service.js';
import { DocumentsService } from './documents.service.js';
import { InvestigationsService } from './investigations.service.js';
import { OperationsService } from './operations.service.js';
import { DocumentsRepository } from './persistence/documents.repository.js';
import { CASES_ENTITIES } from './persistence/entities.js';
import { InvestigationsRepository } from './persistence/investigations.repository.js';
import { OperationsRepository } from './persistence/operations.repository.js';

/** What calls are for, and the documents that belong to it. */
@Module({
  imports: [TypeOrmModule.forFeature(CASES_ENTITIES), AuditModule, IdentityModule],
  controllers: [InvestigationsController, OperationsController, DocumentsController],
  providers: [
    InvestigationsRepository,
    OperationsRepository,
    DocumentsRepository,
    CaseGate,
    CasePeople,
    CaseChanges,
    CasesService,
    InvestigationsService,
    OperationsService,
    DocumentsService,
  ],
  exports: [CasesService, InvestigationsService, OperationsService, DocumentsService],
})
export class CasesModule {}
