import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { AuditModule } from '../audit/index.js';
import { MeteringModule } from '../metering/index.js';
import { Clock } from '../platform/clock/index.js';
import { ProvidersConfig } from '../platform/config/index.js';
import { ProvidersModule } from '../providers/index.js';
import { RoutingController } from './api/routing.controller.js';
import { CapacityBoard } from './capacity-board.js';
import { ExplainService } from './explain.service.js';
import { DecisionPartitionsJob } from './jobs/decision-partitions.job.js';
import { ROUTING_ENTITIES } from './persistence/entities.js';
import { RouteDecisionRepository } from './persistence/route-decision.repository.js';
import { RoutePolicyRepository } from './persistence/route-policy.repository.js';
import { RoutingPoliciesService } from './routing-policies.service.js';
import { SharedCapacity } from './shared-capacity.js';
import { RoutingService } from './routing.service.js';

@Module({
  imports: [TypeOrmModule.forFeature(ROUTING_ENTITIES), AuditModule, MeteringModule, ProvidersModule],
  controllers: [RoutingController],
  providers: [
    RoutingService,
    RoutingPoliciesService,
    ExplainService,
    {
      provide: CapacityBoard,
      useFactory: (clock: Clock, { rememberFailures }: ProvidersConfig) =>
        new CapacityBoard(clock, { isAdaptive: rememberFailures }),
      inject: [Clock, ProvidersConfig],
    },
    DecisionPartitionsJob,
    SharedCapacity,
    RoutePolicyRepository,
    RouteDecisionRepository,
  ],
  exports: [RoutingService, RoutingPoliciesService, ExplainService, CapacityBoard],
})
export class RoutingModule {}
