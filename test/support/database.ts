import { randomBytes } from 'node:crypto';

import { runSql, withDatabaseName } from './database-cluster.js';

/** A database of its own for one test file. */
export interface TestDatabase {
  /** Login of a superuser; the schema is there, data is not. */
  readonly url: string;
  /** Drops it; after a failed test of this file it stays and its address is printed. Call it in `afterAll`. The server
   *  itself stays until the next run when AIP_TEST_KEEP=1. */
  drop(): Promise<void>;
}

/** Copies the migrated template (about 0.1 s). Works in the projects contract, integration, simulation and e2e. */
export async function createTestDatabase(): Promise<TestDatabase> {
  // eslint-disable-next-line no-restricted-syntax -- Jest's global set-up hands values to workers in the environment
  const template = process.env['TEST_TEMPLATE_DATABASE_URL'];
  if (template === undefined) {
    throw new Error('Only tests under test/{contract,integration,simulation,e2e} get a database: move the file there.');
  }
  const name = `aip_test_${randomBytes(6).toString('hex')}`;
  const admin = withDatabaseName(template, 'postgres');
  const source = new URL(template).pathname.slice(1);
  await runSql(admin, `CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY file_copy`);
  const url = withDatabaseName(template, name);
  return {
    url,
    drop: async () => {
      if ((globalThis as { hasFailedTest?: boolean }).hasFailedTest === true)
        process.stderr.write(`The database of the failed test is kept: ${url}\n`);
      else await runSql(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}
