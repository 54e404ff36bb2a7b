export { ConfigModule } from './config.module.js';
export { ConfigError, loadConfig, type Config } from './environment.js';
export {
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
