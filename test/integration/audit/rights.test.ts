import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { newId } from '../../../src/platform/ids/index.js';
import { AuditRig } from './audit-rig.js';

const APPEND_ONLY = ['audit_batch', 'audit_vault', 'audit_content'];

let rig: AuditRig;
let client: pg.Client;

beforeAll(async () => {
  rig = await AuditRig.start();
  const writer = await rig.writer();
  const orgId = newId();
  await writer.audit.ready(orgId);
  await writer.call(0, { orgId });
  client = new pg.Client({ connectionString: rig.database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await rig.stop();
});

/** Runs a statement with a role's rights and leaves nothing behind. */
async function attempt(role: string, ...statements: readonly string[]): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL ROLE ${role}`);
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.query('ROLLBACK');
  }
}

describe('a batch, once appended, can be changed by nobody with the application’s rights', () => {
  const leaves = async (): Promise<readonly string[]> => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relname ~ '^audit_(batch|vault|content)_l' ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  };

  it.each([
    ...APPEND_ONLY.flatMap((table) => [
      `UPDATE ${table} SET month = month`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
      `DROP TABLE ${table}`,
      `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
    ]),
    'UPDATE audit_dek SET wrapped = wrapped',
    'DELETE FROM audit_dek',
    'UPDATE audit_log SET origin = origin',
    'DELETE FROM audit_log',
    'UPDATE audit_lane SET lane = lane',
    'DELETE FROM audit_lane',
    'TRUNCATE audit_lane',
    'UPDATE audit_open_intent SET deadline_at = now()',
    'TRUNCATE audit_open_intent',
    'SET session_replication_role = replica',
  ])('aip_app may not: %s', async (statement) => {
    await expect(attempt('aip_app', statement)).rejects.toThrow(/permission denied|must be owner/);
  });

  it('the application may not touch a partition directly', async () => {
    for (const partition of await leaves()) {
      await expect(attempt('aip_app', `DELETE FROM ${partition}`)).rejects.toThrow('permission denied');
      await expect(attempt('aip_app', `TRUNCATE ${partition}`)).rejects.toThrow('permission denied');
    }
  });

  it('a lane does not go back and does not open again', async () => {
    await expect(attempt('aip_app', 'UPDATE audit_lane SET n = n - 1')).rejects.toThrow('append-only');
    await expect(
      attempt('aip_app', 'UPDATE audit_lane SET closed_at = now()', 'UPDATE audit_lane SET closed_at = NULL'),
    ).rejects.toThrow('append-only');
    await attempt('aip_app', 'UPDATE audit_lane SET n = n + 1');
  });

  it('auditors read and nothing else', async () => {
    await attempt('aip_auditor', 'SELECT count(*) FROM audit_batch', 'SELECT count(*) FROM audit_vault');
    await expect(
      attempt('aip_auditor', 'INSERT INTO audit_open_intent SELECT * FROM audit_open_intent'),
    ).rejects.toThrow('permission denied');
  });

  it('even the owner is refused on every partition, also as a replica would act', async () => {
    const partitions = await leaves();
    expect(partitions.length).toBeGreaterThanOrEqual(6);
    for (const table of [...APPEND_ONLY, ...partitions]) {
      const hasRows = (await client.query(`SELECT FROM ${table} LIMIT 1`)).rowCount === 1;
      const statements = [
        `TRUNCATE ${table}`,
        ...(hasRows ? [`DELETE FROM ${table}`, `UPDATE ${table} SET month = month`] : []),
      ];
      for (const statement of statements) {
        await expect(attempt('aip_owner', statement)).rejects.toThrow('append-only');
        await client.query('SET session_replication_role = replica');
        await expect(attempt('aip_owner', statement)).rejects.toThrow('append-only');
        await client.query('SET session_replication_role = origin');
      }
    }
  });

  it('every table of the log has its refusing triggers, always enabled', async () => {
    const { rows } = await client.query<{ name: string; kinds: string[] }>(
      `SELECT c.relname AS name, array_agg(DISTINCT CASE WHEN t.tgtype & 32 <> 0 THEN 'truncate' ELSE 'row' END) AS kinds
         FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgenabled = 'A'
        WHERE c.relname ~ '^audit_(batch|vault|content)' GROUP BY c.relname`,
    );
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relname ~ '^audit_(batch|vault|content)'`,
    );
    expect(rows.map(({ name }) => name).sort()).toEqual(tables.map(({ name }) => name).sort());
    for (const { kinds } of rows) expect(kinds.toSorted()).toEqual(['row', 'truncate']);
  });

  it('partitions are made only for logs that exist', async () => {
    await expect(attempt('aip_app', `SELECT audit_ensure_partitions(4711, '2026-01-01')`)).rejects.toThrow(
      'no log 4711',
    );
    await attempt('aip_app', `SELECT audit_ensure_partitions((SELECT min(log_id) FROM audit_log), '2031-05-17')`);
  });
});
