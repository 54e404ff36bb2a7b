import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';

import { dataSourceOptions } from './data-source.js';

/** Advisory lock that only one migrating process holds. */
const MIGRATION_LOCK = 4_242_001;
const DEFAULT_TABLE = 'migrations';

type MigrationClass = new () => MigrationInterface;

/** The database was migrated by a newer release than this one. */
export class SchemaTooNewError extends Error {
  override readonly name = 'SchemaTooNewError';
}

/** What is in the database and what is still to come, oldest first. */
export interface MigrationStatus {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/** A migration may take a role for its statements (`SET LOCAL ROLE`); TypeORM's own record of it is written by the login. */
function endingAsLogin(Migration: MigrationClass): MigrationClass {
  return class extends Migration {
    override async up(runner: QueryRunner): Promise<void> {
      await super.up(runner);
      await runner.query('RESET ROLE');
    }
  };
}

async function withSource<T>(
  url: string,
  migrations: readonly MigrationClass[],
  work: (source: DataSource) => Promise<T>,
): Promise<T> {
  const source = await new DataSource({
    ...dataSourceOptions({ url, role: 'login', poolSize: 2 }),
    migrations: migrations.map(endingAsLogin),
  }).initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}

async function statusOf(source: DataSource): Promise<MigrationStatus> {
  const [table] = await source.query<{ found: string | null }[]>('SELECT to_regclass($1)::text AS found', [
    DEFAULT_TABLE,
  ]);
  const applied =
    table === undefined || table.found === null
      ? []
      : (await source.query<{ name: string }[]>(`SELECT name FROM ${DEFAULT_TABLE} ORDER BY timestamp`)).map(
          ({ name }) => name,
        );
  const known = source.migrations.map((migration) => migration.name ?? migration.constructor.name);
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new SchemaTooNewError(
      `The database has migrations this release does not know (${unknown.join(', ')}). Run the release that made them, or a newer one.`,
    );
  }
  return { applied, pending: known.filter((name) => !applied.includes(name)) };
}

/** Which migrations are applied. @throws SchemaTooNewError when the database is ahead of this release. */
export async function migrationStatus(url: string, migrations: readonly MigrationClass[]): Promise<MigrationStatus> {
  return withSource(url, migrations, statusOf);
}

/** Brings the schema up to date; any number of processes may call it at once, one of them works. Returns what it ran.
 *  @throws SchemaTooNewError when the database is ahead of this release; nothing is changed */
export async function runMigrations(url: string, migrations: readonly MigrationClass[]): Promise<readonly string[]> {
  return withSource(url, migrations, async (source) => {
    const holder = source.createQueryRunner();
    await holder.connect();
    try {
      await holder.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      await statusOf(source);
      const ran = await source.runMigrations({ transaction: 'each' });
      return ran.map(({ name }) => name);
    } finally {
      await holder.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
      await holder.release();
    }
  });
}
