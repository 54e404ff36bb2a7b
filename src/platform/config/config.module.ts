import { type DynamicModule, Module } from '@nestjs/common';

import type { Config } from './environment.js';
import {
  AuditConfig,
  DatabaseConfig,
  DataConfig,
  DemoConfig,
  GatewayConfig,
  IdentityConfig,
  ProvidersConfig,
  RedisConfig,
  ServerConfig,
  WebhooksConfig,
} from './slices.js';

/** Offers each module its own slice. */
@Module({})
export class ConfigModule {
  static forRoot(config: Config): DynamicModule {
    const slices = [
      { provide: ServerConfig, useValue: config.server },
      { provide: DatabaseConfig, useValue: config.database },
      { provide: RedisConfig, useValue: config.redis },
      { provide: DataConfig, useValue: config.data },
      { provide: AuditConfig, useValue: config.audit },
      { provide: IdentityConfig, useValue: config.identity },
      { provide: ProvidersConfig, useValue: config.providers },
      { provide: WebhooksConfig, useValue: config.webhooks },
      { provide: DemoConfig, useValue: config.demo },
      { provide: GatewayConfig, useValue: config.gateway },
    ];
    return { module: ConfigModule, global: true, providers: slices, exports: slices.map(({ provide }) => provide) };
  }
}
