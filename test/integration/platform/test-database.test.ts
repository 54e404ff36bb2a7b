import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { MIGRATIONS } from '../../../migrations/index.js';
import { migrationStatus } from '../../../src/platform/database/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { runSql } from '../../support/database-cluster.js';

describe('the database of a test file', () => {
  let first: TestDatabase;
  let second: TestDatabase;

  beforeAll(async () => {
    first = await createTestDatabase();
    second = await createTestDatabase();
  });
  afterAll(() => second.drop());

  it('has the whole schema', async () => {
    expect((await migrationStatus(first.url, MIGRATIONS)).pending).toEqual([]);
  });

  it('is not shared with another file', async () => {
    await runSql(first.url, 'CREATE TABLE only_here (id int)');
    const client = new pg.Client({ connectionString: second.url });
    await client.connect();
    const { rows } = await client.query(`SELECT to_regclass('only_here') AS found`);
    await client.end();
    expect(rows).toEqual([{ found: null }]);
  });

  it('is gone after it was dropped, also while somebody is connected', async () => {
    const client = new pg.Client({ connectionString: first.url });
    client.on('error', () => undefined);
    await client.connect();
    await first.drop();
    await expect(runSql(first.url, 'SELECT 1')).rejects.toThrow('does not exist');
    await client.end();
  });
});
