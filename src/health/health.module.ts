import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';

import { ProvidersModule } from '../providers/index.js';
import { RoutingModule } from '../routing/index.js';
import { HealthController } from './api/health.controller.js';
import { MetricsController } from './api/metrics.controller.js';
import { LedgerProbe } from './persistence/ledger-probe.js';
import { ProbeProvidersJob } from './jobs/probe-providers.job.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [TerminusModule, ProvidersModule, RoutingModule],
  controllers: [HealthController, MetricsController],
  providers: [LedgerProbe, Readiness, ProbeProvidersJob],
  exports: [Readiness],
})
export class HealthModule {}
