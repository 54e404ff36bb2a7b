import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { FileAnchor } from '../../../src/audit/anchors/file-anchor.js';
import { AuditWriter } from '../../../src/audit/audit-writer.js';
import { CheckpointSigner } from '../../../src/audit/checkpoint-signer.js';
import { Sequencer } from '../../../src/audit/sequencer.js';
import { SystemClock } from '../../../src/platform/clock/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { runSql, withDatabaseName } from '../../support/database-cluster.js';
import { rows } from '../../support/rows.js';
import { anAttempt, AuditRig, type Writer } from './audit-rig.js';
import { settleTree, writeCases } from './bundle-rig.js';

let rig: AuditRig;
let anchor: string;
let backup: string;
const orgId = newId();
const backupName = `aip_test_backup_${newId().replaceAll('-', '')}`;

const open = async (url?: string): Promise<Writer> => {
  const writer = await rig.writer(new SystemClock(), { AIP_AUDIT_ANCHOR_FILE: anchor }, url);
  await writer.audit.ready(orgId);
  return writer;
};
const admin = (): string => withDatabaseName(rig.database.url, 'postgres');

beforeAll(async () => {
  rig = await AuditRig.start();
  anchor = path.join(rig.dataDir, 'volume', 'checkpoints.jsonl');
  const first = await open();
  await writeCases(first, orgId, [newId()]);
  await settleTree(first);
  await first.app.close();
  const source = new URL(rig.database.url).pathname.slice(1);
  await runSql(admin(), `CREATE DATABASE ${backupName} TEMPLATE ${source} STRATEGY file_copy`);
  backup = withDatabaseName(rig.database.url, backupName);
});
afterAll(async () => {
  await rig.stop();
  await runSql(admin(), `DROP DATABASE IF EXISTS ${backupName} WITH (FORCE)`);
});

describe('a log that is anchored in a file', () => {
  it('goes on as long as the database is what was signed', async () => {
    const writer = await open();
    await writeCases(writer, orgId, [newId()]);
    await settleTree(writer);
    expect(writer.get(AuditWriter).stopReason).toBeUndefined();
    const notes = readFileSync(anchor, 'utf8').trimEnd().split('\n');
    const signed = await rows<{ note: string }>(rig.database.url, 'SELECT note FROM audit_checkpoint ORDER BY size');
    expect(notes.map((line) => JSON.parse(line) as string)).toEqual(signed.map(({ note }) => note));
  });

  it('passes over what others wrote into the file', async () => {
    const [last = ''] = readFileSync(anchor, 'utf8').trimEnd().split('\n').slice(-1);
    appendFileSync(anchor, `nonsense\n${last.replace(/\\n\d+\\n/, '\\n999999\\n')}\n`);
    const writer = await open();
    expect(writer.get(AuditWriter).stopReason).toBeUndefined();
    expect(writer.get(FileAnchor).newest((JSON.parse(last) as string).split('\n')[0] ?? '')?.size).toBeLessThan(
      999_999,
    );
  });

  it('refuses to sign, and to write, in a database that was restored from an older backup', async () => {
    const restored = await rig.writer(new SystemClock(), { AIP_AUDIT_ANCHOR_FILE: anchor }, backup);
    await restored.audit.ready(orgId);
    expect(restored.get(AuditWriter).stopReason).toMatch(/has \d+ records in its tree, and \d+ were signed before/);
    await restored.get(Sequencer).run();
    expect(await restored.get(CheckpointSigner).sign()).toBe(0);
    await expect(async () => restored.audit.prepare(anAttempt(newId(), orgId))).rejects.toMatchObject({
      code: 'audit_safe_stop',
    });
    const [log] = await rows<{ state: string }>(backup, 'SELECT state FROM audit_log');
    expect(log?.state).toBe('safe_stop');
    const [count] = await rows<{ n: number }>(backup, 'SELECT count(*)::int AS n FROM audit_checkpoint');
    expect(count?.n).toBe(1);
  });
});
