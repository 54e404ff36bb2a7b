import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { ChangeDraft } from '../../../src/audit/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { runSql } from '../../support/database-cluster.js';
import { anAttempt, AuditRig, type Writer } from './audit-rig.js';

let rig: AuditRig;
let writer: Writer;
let orgId: string;
let otherOrgId: string;

beforeAll(async () => {
  rig = await AuditRig.start();
  writer = await rig.writer();
  orgId = newId();
  otherOrgId = newId();
  await writer.audit.ready(orgId);
  await writer.audit.ready(otherOrgId);
});
afterAll(() => rig.stop());

const changeOf = (id: string): ChangeDraft => ({
  type: 'case.change',
  principal: null,
  orgId,
  object: { kind: 'investigation', id },
  fields: ['title'],
  new: 'ALDER',
  caseId: newId(),
});

async function clean(): Promise<void> {
  expect(await writer.verify()).toMatchObject({ ok: true, findings: [] });
}

describe('administrative records', () => {
  it('of twenty new cases at once need no connection but their own', async () => {
    const ids = Array.from({ length: 20 }, () => newId());
    await Promise.all(ids.map((id) => writer.unitOfWork.run((tx) => writer.audit.record(tx, changeOf(id)))));
    await clean();
  });

  it('keep no data key of a transaction that failed', async () => {
    const change = changeOf(newId());
    const failing = writer.unitOfWork.run(async (tx) => {
      await writer.audit.record(tx, change);
      throw new Error('spoilt');
    });
    await expect(failing).rejects.toThrow('spoilt');
    await writer.unitOfWork.run((tx) => writer.audit.record(tx, change));
    await clean();
  });

  it('of the transaction that drains are written before the lane ends', async () => {
    await writer.unitOfWork.run(async (tx) => {
      await writer.audit.record(tx, changeOf(newId()));
      await writer.audit.closeOwnLanes(tx);
    });
    await writer.unitOfWork.run((tx) => writer.audit.record(tx, changeOf(newId())));
    await clean();
  });
});

describe('a prepared record', () => {
  it('is never linked twice', async () => {
    const record = await writer.audit.prepare(anAttempt(newId(), orgId));
    await expect(writer.flush(0, [record, record])).rejects.toThrow('in the log already');
    await writer.flush(0, [record]);
    await expect(writer.flush(0, [record])).rejects.toThrow('in the log already');
    await expect(writer.flush(1, [record])).rejects.toThrow('in the log already');
    await clean();
  });

  it('may be linked again when its flush was rolled back', async () => {
    const record = await writer.audit.prepare(anAttempt(newId(), orgId));
    await expect(writer.flush(0, [record], { spoils: true })).rejects.toThrow('spoilt');
    await writer.flush(0, [record]);
    await clean();
  });
});

describe('a flush whose fate was never learned', () => {
  it('moves no head of a log that the next flush does not touch', async () => {
    const slot = 5;
    await writer.flush(slot, [await writer.audit.prepare(anAttempt(newId(), orgId))]);
    const lost = await writer.audit.prepare(anAttempt(newId(), orgId));
    const failing = writer.unitOfWork.run(async (tx) => {
      await writer.audit.appendRequestRecords(tx, slot, [lost]);
      throw new Error('connection lost');
    });
    await expect(failing).rejects.toThrow('connection lost');
    // Neither flushCommitted nor flushRolledBack was called: nobody knew.
    await writer.flush(slot, [await writer.audit.prepare(anAttempt(newId(), otherOrgId))]);
    await writer.flush(slot, [await writer.audit.prepare(anAttempt(newId(), orgId))]);
    await clean();
  });
});

describe('live verification', () => {
  it('misses the vault of a change', async () => {
    await writer.unitOfWork.run((tx) => writer.audit.record(tx, changeOf(newId())));
    const partitions = `SELECT tableoid::regclass FROM audit_vault ORDER BY lane, n0 DESC LIMIT 1`;
    await runSql(
      rig.database.url,
      `DO $$ DECLARE part regclass := (${partitions}); BEGIN
         EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', part);
         EXECUTE format('DELETE FROM %s WHERE ctid = (SELECT ctid FROM %s ORDER BY lane, n0 DESC LIMIT 1)', part, part);
       END $$`,
    );
    const { findings } = await writer.verify();
    expect(findings.map(({ code }) => code)).toEqual(['E_MISSING_VAULT']);
  });
});
