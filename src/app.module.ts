import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';

import { AnalyticsModule } from './analytics/index.js';
import type { RunnableConfig } from './runnable-config.js';
import { AuditModule } from './audit/index.js';
import { BudgetsModule, ChangedCharges } from './budgets/index.js';
import { CasesModule } from './cases/index.js';
import { DemoModule } from './demo/index.js';
import { GatewayModule } from './gateway/index.js';
import { HealthModule } from './health/index.js';
import { IdentityModule } from './identity/index.js';
import { MeteringModule, PostedWindows } from './metering/index.js';
import { ClockModule } from './platform/clock/index.js';
import { ConfigModule, ProvidersConfig } from './platform/config/index.js';
import { DatabaseModule } from './platform/database/index.js';
import { LoggingModule, type Logger } from './platform/logging/index.js';
import { OutboxModule } from './platform/outbox/index.js';
import { RedisModule } from './platform/redis/index.js';
import { ReplicaModule } from './platform/replica/index.js';
import { SnapshotModule } from './platform/snapshot/index.js';
import { TelemetryModule } from './platform/telemetry/index.js';
import { AttemptGate, AttemptObserver, ForgetfulObserver, ProvidersModule } from './providers/index.js';
import { QuotasModule } from './quotas/index.js';
import { CapacityBoard, RoutingModule } from './routing/index.js';
import { WebhooksModule } from './webhooks/index.js';

/** What a low module declares and a higher one supplies: `providers` asks for permits, `routing` gives them; `metering` changes a
 *  charge, `budgets` moves its windows. */
@Global()
@Module({
  imports: [BudgetsModule, RoutingModule],
  providers: [
    { provide: AttemptGate, useExisting: CapacityBoard },
    { provide: PostedWindows, useExisting: ChangedCharges },
    {
      provide: AttemptObserver,
      useFactory: (board: CapacityBoard, { rememberFailures }: ProvidersConfig): AttemptObserver =>
        rememberFailures ? board : new ForgetfulObserver(board),
      inject: [CapacityBoard, ProvidersConfig],
    },
  ],
  exports: [AttemptGate, AttemptObserver, PostedWindows],
})
class BindingsModule {}

/** The whole product. */
@Module({})
export class AppModule {
  static forRoot(config: RunnableConfig, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        LoggingModule.forRoot(logger),
        DatabaseModule.forRoot(config.database),
        ScheduleModule.forRoot(),
        ClockModule,
        OutboxModule,
        RedisModule,
        ReplicaModule,
        SnapshotModule,
        TelemetryModule,
        BindingsModule,
        AuditModule,
        IdentityModule,
        ProvidersModule,
        CasesModule,
        QuotasModule,
        MeteringModule,
        BudgetsModule,
        RoutingModule,
        WebhooksModule,
        GatewayModule,
        HealthModule,
        AnalyticsModule.forRoot(config.server),
        DemoModule,
      ],
    };
  }
}
