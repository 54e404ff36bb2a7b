import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { VerifyJob } from '../../../src/audit/jobs/verify.job.js';
import { newId } from '../../../src/platform/ids/index.js';
import { Metrics } from '../../../src/platform/telemetry/index.js';
import { runSql } from '../../support/database-cluster.js';
import { AuditRig, type Writer } from './audit-rig.js';
import { settleTree, writeCases } from './bundle-rig.js';

const TABLES = ['audit_seq', 'audit_checkpoint', 'audit_seal', 'audit_lane_cursor', 'audit_batch'];

let rig: AuditRig;
let writer: Writer;

/** Acts as a superuser who has switched the triggers off. */
const sql = (...statements: readonly string[]): Promise<void> => runSql(rig.database.url, ...statements);

beforeAll(async () => {
  rig = await AuditRig.start();
  writer = await rig.writer();
  const orgId = newId();
  await writer.audit.ready(orgId);
  await writeCases(writer, orgId, [newId(), newId()]);
  await settleTree(writer);
  await writeCases(writer, orgId, [newId()]);
  await settleTree(writer);
  await writeCases(writer, orgId, [newId()]);
  await sql(
    ...[...TABLES, 'audit_log'].map((name) => `ALTER TABLE ${name} DISABLE TRIGGER ALL`),
    ...TABLES.map((name) => `CREATE TABLE kept_${name} AS TABLE ${name}`),
    'CREATE TABLE kept_log AS SELECT log_id, size, root FROM audit_log',
  );
});
afterEach(async () => {
  await sql(
    ...TABLES.flatMap((name) => [`DELETE FROM ${name}`, `INSERT INTO ${name} SELECT * FROM kept_${name}`]),
    'UPDATE audit_log l SET size = k.size, root = k.root FROM kept_log k WHERE k.log_id = l.log_id',
  );
});
afterAll(() => rig.stop());

describe('the tree of a live log', () => {
  it('holds under the key that is here, and says what waits for a checkpoint', async () => {
    const verdict = await writer.verify();
    expect(verdict.findings).toEqual([]);
    expect(verdict.lines[1]).toMatchObject({ name: 'AUTHENTICITY', state: 'ok' });
    expect(verdict.lines[1]?.text).toMatch(/^2 checkpoints hold, over \d+ records; \d+ wait for one/);
  });

  it.each<[string, string, readonly string[]]>([
    ['the root is edited', 'UPDATE audit_log SET root = set_byte(root, 0, get_byte(root, 0) # 1)', ['E_ROOT']],
    ['the size is edited', 'UPDATE audit_log SET size = size - 1', ['E_COUNT']],
    ['a batch is taken from the order', 'DELETE FROM audit_seq WHERE first_index = 0', ['E_COUNT', 'E_ROOT']],
    [
      'two batches change places',
      `UPDATE audit_seq s SET lane = o.lane, n0 = o.n0 + 1000000 FROM audit_seq o WHERE s.first_index = 0 AND o.first_index > 0`,
      ['E_COUNT', 'E_ROOT', 'E_LANE_SEQ'],
    ],
    [
      'a leaf is edited',
      'UPDATE audit_batch SET leaves = set_byte(leaves, 0, get_byte(leaves, 0) # 1) WHERE n0 = 0',
      ['E_LEAF', 'E_ROOT'],
    ],
    ['a checkpoint is edited', `UPDATE audit_checkpoint SET note = replace(note, '/20', '/21')`, ['E_SIG']],
    ['a checkpoint is moved', 'UPDATE audit_checkpoint SET size = size + 1', ['E_NOTE']],
    ['a seal is edited', `UPDATE audit_seal SET note = replace(note, '"no":0', '"no":7')`, ['E_SIG', 'E_SEAL']],
    ['a cursor is edited', `UPDATE audit_lane_cursor SET head_sha3 = ''`, ['E_LANE_SEQ']],
  ])('shows that %s', async (_, statement, expected) => {
    await sql(statement);
    const verdict = await writer.verify();
    expect(verdict.ok).toBe(false);
    expect(Object.keys(verdict.counts)).toEqual(expect.arrayContaining([...expected]));
  });

  it('is verified again and again; what is found shows in the metric', async () => {
    const metrics = writer.get(Metrics);
    const state = async (): Promise<number | undefined> => (await metrics.auditChainOk.get()).values[0]?.value;
    await writer.get(VerifyJob).look();
    expect(await state()).toBe(1);
    await sql('UPDATE audit_log SET root = set_byte(root, 0, get_byte(root, 0) # 1)');
    const later = await rig.writer();
    await later.get(VerifyJob).look();
    expect((await later.get(Metrics).auditChainOk.get()).values[0]?.value).toBe(0);
  });
});
