import { Module } from '@nestjs/common';

import { AuditModule } from '../audit/index.js';
import { BudgetsModule } from '../budgets/index.js';
import { CasesModule } from '../cases/index.js';
import { IdentityModule } from '../identity/index.js';
import { MeteringModule } from '../metering/index.js';
import { ProvidersModule } from '../providers/index.js';
import { QuotasModule } from '../quotas/index.js';
import { RoutingModule } from '../routing/index.js';
import { CallAnswerer } from './api/call-answerer.js';
import { CallReader } from './api/call-reader.js';
import { ChatController } from './api/chat.controller.js';
import { GenerationsController } from './api/generations.controller.js';
import { GatewayService } from './gateway.service.js';
import { GatewayUpkeep } from './gateway-upkeep.js';
import { GenerationsService } from './generations.service.js';
import { IdempotencyService } from './idempotency/idempotency.service.js';
import { ModelsService } from './models.service.js';
import { GenerationRepository } from './persistence/generation.repository.js';
import { IdempotencyRepository } from './persistence/idempotency.repository.js';
import { OpenCallRepository } from './persistence/open-call.repository.js';
import { CallLine, CallSurroundings } from './pipeline/call-line.js';
import { CallPlacement } from './pipeline/call-placement.js';
import { PseudonymKey } from './pipeline/pseudonym-key.js';
import { Reconciler, ReconcilerSurroundings } from './settlement/reconciler.js';
import { Refusals } from './settlement/refusals.js';
import { SettlementFlush } from './settlement/settlement-flush.js';
import { SettlementQueues } from './settlement/settlement-queues.js';
import { SettlementService } from './settlement/settlement.service.js';

@Module({
  imports: [
    AuditModule,
    BudgetsModule,
    CasesModule,
    IdentityModule,
    MeteringModule,
    ProvidersModule,
    QuotasModule,
    RoutingModule,
  ],
  controllers: [ChatController, GenerationsController],
  providers: [
    CallAnswerer,
    CallLine,
    CallPlacement,
    CallReader,
    CallSurroundings,
    GatewayService,
    GatewayUpkeep,
    GenerationsService,
    IdempotencyService,
    ModelsService,
    PseudonymKey,
    Reconciler,
    ReconcilerSurroundings,
    Refusals,
    SettlementFlush,
    SettlementQueues,
    SettlementService,
    GenerationRepository,
    IdempotencyRepository,
    OpenCallRepository,
  ],
  exports: [GatewayService, GenerationsService],
})
export class GatewayModule {}
