import { DataSource, type DataSourceOptions, type EntityTarget } from 'typeorm';

/** Which rights a connection has: the application's, or the login's own (migrations). */
export type DatabaseRole = 'aip_app' | 'aip_auditor' | 'login';

/** TypeORM options of one PostgreSQL: no synchronisation, UTC, the role set before the first statement. */
export function dataSourceOptions(settings: {
  readonly url: string;
  readonly role: DatabaseRole;
  readonly poolSize?: number;
  readonly entities?: readonly EntityTarget<object>[];
}): DataSourceOptions {
  const role = settings.role === 'login' ? '' : ` -c role=${settings.role}`;
  return {
    type: 'postgres',
    url: settings.url,
    entities: [...(settings.entities ?? [])] as (new () => object)[],
    synchronize: false,
    migrationsTransactionMode: 'each',
    applicationName: 'ai-partners',
    poolSize: settings.poolSize ?? 10,
    connectTimeoutMS: 3_000,
    installExtensions: false,
    extra: { options: `-c timezone=UTC${role}`, idleTimeoutMillis: 30_000, keepAlive: true },
  };
}

/** A connected data source. The caller destroys it. */
export async function connect(settings: Parameters<typeof dataSourceOptions>[0]): Promise<DataSource> {
  return new DataSource(dataSourceOptions(settings)).initialize();
}
