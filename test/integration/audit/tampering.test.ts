import { readdirSync, renameSync } from 'node:fs';
import path from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { newId } from '../../../src/platform/ids/index.js';
import { runSql } from '../../support/database-cluster.js';
import { anIntent, AuditRig, type Writer } from './audit-rig.js';

const TABLES = ['audit_batch', 'audit_vault', 'audit_content', 'audit_lane', 'audit_open_intent', 'audit_dek'];

let rig: AuditRig;
let writer: Writer;
let lane: string;

/** Acts as a superuser who has switched the triggers off. */
const sql = (...statements: readonly string[]): Promise<void> => runSql(rig.database.url, ...statements);

beforeAll(async () => {
  rig = await AuditRig.start();
  writer = await rig.writer();
  const orgId = newId();
  await writer.audit.ready(orgId);
  for (let call = 0; call < 3; call += 1) lane = (await writer.call(0, { orgId }))[0]?.lane ?? '';
  const requestId = newId();
  const intent = await writer.audit.prepare(anIntent(requestId, { orgId }));
  const row = { requestId, intentId: intent.id, deadlineAtMs: 4_000_000_000_000, orgId };
  await writer.flush(1, [intent], { before: (tx) => writer.audit.insertOpenIntents(tx, 1, [row]) });
  await sql(
    ...['audit_batch', 'audit_vault', 'audit_content', 'audit_lane'].map(
      (name) => `ALTER TABLE ${name} DISABLE TRIGGER ALL`,
    ),
    ...TABLES.map((name) => `CREATE TABLE kept_${name} AS TABLE ${name}`),
  );
});
afterEach(async () => {
  await sql(...TABLES.flatMap((name) => [`DELETE FROM ${name}`, `INSERT INTO ${name} SELECT * FROM kept_${name}`]));
});
afterAll(() => rig.stop());

const codes = async (): Promise<readonly string[]> => {
  const verdict = await writer.verify();
  expect(verdict.ok).toBe(Object.keys(verdict.counts).length === 0);
  return Object.keys(verdict.counts).sort();
};
const replace = (from: string, to: string): string =>
  `body = convert_to(replace(convert_from(body, 'UTF8'), '${from}', '${to}'), 'UTF8')`;

describe('a live log', () => {
  it('is found whole when nobody touched it, and says what it cannot know', async () => {
    const verdict = await writer.verify();
    expect(verdict.ok).toBe(true);
    expect(verdict.lines.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'INTEGRITY ok',
      'AUTHENTICITY none',
      'INDEPENDENCE none',
      'COMPLETENESS ok',
      'FRESHNESS as of',
    ]);
    expect(verdict.lines[3]).toMatchObject({ codes: ['W_OPEN_INTENT'] });
    expect(verdict.lines[3]?.text).toContain('1 in flight');
    expect(verdict.lines[1]?.text).toContain('1 of 1 logs name the key');
  });

  const inLane = (): string => `WHERE lane = '${lane}'`;

  it.each<[string, () => string, readonly string[]]>([
    [
      'a field is edited',
      () => `UPDATE audit_batch SET ${replace('"status":"ok"', '"status":"no"')} ${inLane()} AND n0 = 2`,
      ['E_LEAF', 'E_PREV'],
    ],
    [
      'a batch is deleted',
      () => `DELETE FROM audit_batch ${inLane()} AND n0 = 2`,
      ['E_DISCLOSURE', 'E_LANE_SEQ', 'E_OPEN_INTENT', 'E_PREV'],
    ],
    [
      'a batch is moved',
      () => `UPDATE audit_batch SET n0 = 1000 ${inLane()} AND n0 = 2`,
      ['E_DISCLOSURE', 'E_LANE_SEQ'],
    ],
    ['a batch says another count', () => `UPDATE audit_batch SET cnt = cnt + 1 ${inLane()} AND n0 = 2`, ['E_COUNT']],
    ['a lane row is deleted', () => `DELETE FROM audit_lane ${inLane()}`, ['E_COUNT']],
    ['a lane head is edited', () => `UPDATE audit_lane SET head_sha3 = head_sha256 ${inLane()}`, ['E_PREV']],
    ['a lane is closed without a record', () => `UPDATE audit_lane SET closed_at = now() ${inLane()}`, ['E_LANE_SEQ']],
    ['a vault is deleted', () => `DELETE FROM audit_vault ${inLane()} AND n0 = 0`, ['E_MISSING_VAULT']],
    [
      'a vault is edited',
      () => `UPDATE audit_vault SET blobs = set_byte(blobs, 60, get_byte(blobs, 60) # 1) ${inLane()} AND n0 = 0`,
      ['E_DISCLOSURE'],
    ],
    [
      'vaults change places',
      () =>
        `UPDATE audit_vault v SET blobs = (SELECT blobs FROM audit_vault w WHERE w.lane = v.lane AND w.n0 = 4) ${inLane()} AND n0 = 0`,
      ['E_DISCLOSURE', 'E_MISSING_VAULT'],
    ],
    ['data keys are deleted', () => 'DELETE FROM audit_dek', ['E_MISSING_VAULT']],
    [
      'a data key is edited',
      () => `UPDATE audit_dek SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)`,
      ['E_DISCLOSURE'],
    ],
    ['a body is edited', () => 'UPDATE audit_content SET ct = set_byte(ct, 0, get_byte(ct, 0) # 1)', ['E_CONTENT']],
    [
      'bodies change places',
      () => 'UPDATE audit_content c SET ct = k.ct, nonce = k.nonce FROM kept_audit_content k WHERE c.id <> k.id',
      ['E_CONTENT'],
    ],
    ['a body is deleted', () => 'DELETE FROM audit_content', ['E_CONTENT']],
    ['an open call is forgotten', () => 'DELETE FROM audit_open_intent', ['E_OPEN_INTENT']],
    [
      'an open call is invented',
      () =>
        `INSERT INTO audit_open_intent SELECT gen_random_uuid(), intent_id, lane, opened_at, deadline_at FROM audit_open_intent`,
      ['E_OPEN_INTENT'],
    ],
  ])('%s', async (_, statement, expected) => {
    await sql(statement());
    expect(await codes()).toEqual(expect.arrayContaining([...expected]));
  });

  it('is verified without the key-encryption keys, and says how much stayed shut', async () => {
    const keks = path.join(rig.dataDir, 'secrets', 'kek');
    renameSync(keks, `${keks}.away`);
    try {
      const verdict = await writer.verify();
      expect(verdict.ok).toBe(true);
      expect(verdict.lines[3]?.text).toContain('vault blobs are locked here');
    } finally {
      renameSync(`${keks}.away`, keks);
    }
    expect(readdirSync(keks)).toHaveLength(1);
  });
});
