import { type DynamicModule, Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';

import { AuditModule } from '../audit/index.js';
import { BudgetsModule } from '../budgets/index.js';
import { IdentityModule, IdentityService } from '../identity/index.js';
import { MeteringModule } from '../metering/index.js';
import type { ServerConfig } from '../platform/config/index.js';
import { QuotasModule } from '../quotas/index.js';
import { RoutingModule } from '../routing/index.js';
import { WebhooksModule } from '../webhooks/index.js';
import { BudgetResolver } from './api/budget.resolver.js';
import { CapacityController } from './api/capacity.controller.js';
import { CapacityResolver } from './api/capacity.resolver.js';
import { ComplexityPlugin } from './api/complexity.plugin.js';
import { graphqlOptions } from './api/graphql-options.js';
import { KeyResolver } from './api/key.resolver.js';
import { QuotaResolver } from './api/quota.resolver.js';
import { ReportsController } from './api/reports.controller.js';
import { RequestResolver } from './api/request.resolver.js';
import { BigIntScalar, DateTimeScalar, DecimalScalar, JsonScalar } from './api/scalars.js';
import { UsageController } from './api/usage.controller.js';
import { UsageResolver } from './api/usage.resolver.js';
import { WebhookResolver } from './api/webhook.resolver.js';
import { CapacityFeed } from './capacity-feed.js';
import { EventFeed } from './event-feed.js';
import { ReportsJob } from './jobs/reports.job.js';
import { FocusRepository } from './persistence/focus.repository.js';
import { ReportJobRepository } from './persistence/report-job.repository.js';
import { RequestReportRepository } from './persistence/request-report.repository.js';
import { ReportRows } from './reports/report-rows.js';
import { ReportRunner } from './reports/report-runner.js';
import { ReportsService } from './reports/reports.service.js';
import { RequestsService } from './requests.service.js';
import { UsageReportRepository } from './persistence/usage-report.repository.js';
import { UsageReportService } from './usage-report.service.js';

@Module({})
export class AnalyticsModule {
  static forRoot(server: ServerConfig): DynamicModule {
    return {
      module: AnalyticsModule,
      controllers: [CapacityController, ReportsController, UsageController],
      imports: [
        AuditModule,
        BudgetsModule,
        IdentityModule,
        MeteringModule,
        QuotasModule,
        RoutingModule,
        WebhooksModule,
        GraphQLModule.forRootAsync<ApolloDriverConfig>({
          driver: ApolloDriver,
          imports: [IdentityModule],
          inject: [IdentityService],
          useFactory: (identity: IdentityService) =>
            graphqlOptions({
              production: server.production,
              authenticate: async (authorization, remoteAddress) => {
                await identity.authenticate(authorization, remoteAddress);
              },
            }),
        }),
      ],
      providers: [
        BigIntScalar,
        DateTimeScalar,
        DecimalScalar,
        JsonScalar,
        ComplexityPlugin,
        UsageResolver,
        CapacityResolver,
        BudgetResolver,
        QuotaResolver,
        KeyResolver,
        RequestResolver,
        WebhookResolver,
        CapacityFeed,
        EventFeed,
        RequestsService,
        RequestReportRepository,
        UsageReportRepository,
        UsageReportService,
        FocusRepository,
        ReportJobRepository,
        ReportRows,
        ReportRunner,
        ReportsJob,
        ReportsService,
      ],
    };
  }
}
