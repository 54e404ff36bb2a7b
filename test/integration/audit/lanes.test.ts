import { hash } from 'node:crypto';
import { readdirSync, renameSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { RecordReader, type Receipt } from '../../../src/audit/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { runSql } from '../../support/database-cluster.js';
import { anAttempt, anIntent, AuditRig, ShiftedClock, type Writer } from './audit-rig.js';

let rig: AuditRig;
let writer: Writer;
let orgId: string;

beforeAll(async () => {
  rig = await AuditRig.start();
  writer = await rig.writer();
});
afterAll(() => rig.stop());
beforeEach(async () => {
  orgId = newId();
  await writer.audit.ready(orgId);
});

const first = (receipts: readonly Receipt[]): Receipt => {
  const [receipt] = receipts;
  if (receipt === undefined) throw new Error('no receipt');
  return receipt;
};
const attempt = async (by: Writer = writer): Promise<Parameters<Writer['flush']>[1]> => [
  await by.audit.prepare(anAttempt(newId(), orgId)),
];
const change = (by: Writer, spoils = false): Promise<void> =>
  by.unitOfWork.run(async (tx) => {
    await by.audit.record(tx, {
      type: 'access.change',
      principal: null,
      orgId,
      object: { kind: 'user', id: newId() },
      fields: ['name'],
    });
    if (spoils) throw new Error('spoilt');
  });
const read = (receipt: { lane: string; n: number }): ReturnType<RecordReader['find']> =>
  writer.unitOfWork.read((tx) => writer.get(RecordReader).find(tx, receipt));
const clean = async (): Promise<void> => {
  const verdict = await writer.verify();
  expect(verdict.findings).toEqual([]);
  expect(verdict.ok).toBe(true);
};

describe('a log', () => {
  it('begins with the lane, its key and what writes it, in the transaction that makes it', async () => {
    const receipt = first(await writer.call(0, { orgId }));
    const types = [];
    for (let n = 0; n < 2; n += 1) types.push((await read({ lane: receipt.lane, n }))?.core?.type);
    expect(types).toEqual(['lane.open', 'ai.request.intent']);
    await clean();
  });

  it('without its key stops the start', async () => {
    await writer.audit.ready(orgId);
    const keys = path.join(rig.dataDir, 'secrets', 'audit');
    const [pem] = readdirSync(keys).filter((name) => name.includes(orgId) && name.endsWith('.pem'));
    if (pem === undefined) throw new Error(`No key in ${keys}`);
    renameSync(path.join(keys, pem), path.join(keys, 'away'));
    const other = await rig.writer();
    await expect(other.audit.ready(orgId)).rejects.toThrow('is missing');
    renameSync(path.join(keys, 'away'), path.join(keys, pem));
    await other.audit.ready(orgId);
  });

  it('is followed by another at the turn of the half-year; what was prepared for the old one stays in it', async () => {
    const clock = new ShiftedClock();
    clock.moveTo(Date.parse('2029-12-31T23:59:50Z'));
    const turning = await rig.writer(clock);
    await turning.audit.ready(orgId);
    const old = await attempt(turning);
    const before = first(await turning.flush(0, await attempt(turning)));
    clock.moveTo(Date.parse('2030-01-01T00:00:05Z'));
    const later = await attempt(turning);
    const [stays, moves] = await turning.flush(0, [...old, ...later]);
    expect([stays?.lane, stays?.n]).toEqual([before.lane, before.n + 1]);
    expect((await read(moves ?? before))?.core?.log).toMatch(/\/2030h1$/);
    await turning.call(0, { orgId });
    await turning.unitOfWork.run((tx) => turning.audit.closeOwnLanes(tx));
    await clean();
  });

  it('is made once by processes that start together', async () => {
    const [a, b] = [await rig.writer(), await rig.writer()];
    const org = newId();
    await Promise.all([a.audit.ready(org), b.audit.ready(org)]);
    await Promise.all([a.call(0, { orgId: org }), b.call(0, { orgId: org })]);
    await clean();
  });
});

describe('receipts', () => {
  it('name the exact bytes that are stored', async () => {
    for (const receipt of await writer.call(0, { orgId })) {
      const record = await read(receipt);
      expect(record?.sha256).toBe(receipt.sha256);
      expect(hash('sha256', record?.bytes ?? '', 'hex')).toBe(receipt.sha256);
      expect(record?.core).toMatchObject({ id: receipt.recordId, lane: receipt.lane, n: receipt.n });
      expect(record?.orgId).toBe(orgId);
      expect(record?.bytes.toString()).not.toMatch(/"ann"|OP-ALDER|Who was|Nobody\./);
    }
    expect(await read({ lane: newId(), n: 0 })).toBeUndefined();
    expect(await read({ ...first(await writer.call(0, { orgId })), n: 10_000 })).toBeUndefined();
  });
});

describe('appending', () => {
  it('a change and its record commit together or not at all', async () => {
    const before = (await writer.verify()).records;
    await expect(change(writer, true)).rejects.toThrow('spoilt');
    expect((await writer.verify()).records).toBe(before);
    await change(writer);
    expect((await writer.verify()).records).toBe(before + 1);
  });

  it('goes on at the same place after a rollback', async () => {
    const before = first(await writer.flush(0, await attempt()));
    await expect(writer.flush(0, await attempt(), { spoils: true })).rejects.toThrow('spoilt');
    expect(first(await writer.flush(0, await attempt()))).toMatchObject({ lane: before.lane, n: before.n + 1 });
    await clean();
  });

  it('opens a lane again that was rolled back with its first records', async () => {
    await expect(writer.flush(7, await attempt(), { spoils: true })).rejects.toThrow('spoilt');
    expect(first(await writer.flush(7, await attempt())).n).toBe(1);
    await clean();
  });

  it('runs side by side on its slots and from several processes', async () => {
    const other = await rig.writer();
    await other.audit.ready(orgId);
    const work = [writer, other].flatMap((by) => [
      ...[0, 1, 2].map(async (slot) => {
        for (let round = 0; round < 5; round += 1) await by.call(slot, { orgId });
      }),
      ...Array.from({ length: 8 }, () => change(by)),
    ]);
    await Promise.all(work);
    await clean();
  });

  it('learns what became of a commit whose answer was lost', async () => {
    await writer.flush(0, await attempt());
    const records = await attempt();
    await writer.unitOfWork.run((tx) => writer.audit.appendRequestRecords(tx, 0, records));
    expect(await writer.unitOfWork.run((tx) => writer.audit.wasFlushCommitted(tx, 0))).toBe(true);
    writer.audit.flushCommitted(0);
    const lost = writer.unitOfWork.run(async (tx) => {
      await writer.audit.appendRequestRecords(tx, 0, await attempt());
      throw new Error('lost');
    });
    await expect(lost).rejects.toThrow('lost');
    expect(await writer.unitOfWork.run((tx) => writer.audit.wasFlushCommitted(tx, 0))).toBe(false);
    writer.audit.flushRolledBack(0);
    await writer.flush(0, await attempt());
    await clean();
  });

  it('leaves a lane on which a doubtful commit did succeed', async () => {
    const before = first(await writer.flush(0, await attempt()));
    await writer.unitOfWork.run(async (tx) => writer.audit.appendRequestRecords(tx, 0, await attempt()));
    writer.audit.flushRolledBack(0);
    await expect(writer.flush(0, await attempt())).rejects.toMatchObject({ code: '40001' });
    expect(first(await writer.flush(0, await attempt())).lane).not.toBe(before.lane);
    await clean();
  });
});

describe('fencing: a lane has one writer, no gaps and no way back', () => {
  it('closes what another process left, on record; its calls are orphans; its late writes miss', async () => {
    const gone = await rig.writer();
    await gone.audit.ready(orgId);
    const requestId = newId();
    const intent = await gone.audit.prepare(anIntent(requestId, { orgId }));
    const row = { requestId, intentId: intent.id, deadlineAtMs: 4_000_000_000_000, orgId };
    const opened = first(await gone.flush(0, [intent], { before: (tx) => gone.audit.insertOpenIntents(tx, 0, [row]) }));
    await change(gone);
    const orphans = (): Promise<readonly { readonly requestId: string }[]> =>
      writer.unitOfWork.read((tx) => writer.audit.findOrphans(tx, 0, 10));
    expect(await writer.unitOfWork.run((tx) => writer.audit.closeAbandonedLanes(tx, false))).toBe(0);
    expect(await orphans()).toEqual([]);
    expect(await writer.unitOfWork.run((tx) => writer.audit.closeAbandonedLanes(tx, true))).toBeGreaterThanOrEqual(2);
    expect(await orphans()).toEqual([{ requestId, intentId: intent.id }]);

    await expect(gone.flush(0, await attempt(gone))).rejects.toMatchObject({ code: '40001' });
    expect(first(await gone.flush(0, await attempt(gone))).lane).not.toBe(opened.lane);
    await change(gone);

    const unknown = await writer.audit.prepare({
      ...anAttempt(requestId, orgId),
      type: 'ai.request.unknown',
      pub: { req: requestId, why: 'test' },
    });
    const taken: boolean[] = [];
    for (let round = 0; round < 2; round += 1) {
      await writer.flush(0, round === 0 ? [unknown] : await attempt(), {
        before: async (tx) => void taken.push((await writer.audit.takeOpenIntents(tx, [requestId])).has(requestId)),
      });
    }
    expect(taken).toEqual([true, false]);
    await clean();
  });

  it('a heartbeat keeps lanes, also one whose append is in flight, and forgets closed ones', async () => {
    const before = first(await writer.flush(0, await attempt()));
    await writer.flush(0, await attempt(), {
      before: async (tx) => {
        await writer.audit.insertOpenIntents(tx, 0, []);
        await writer.unitOfWork.run((other) => writer.audit.heartbeat(other));
      },
    });
    await writer.unitOfWork.run((tx) => writer.audit.heartbeat(tx));
    expect(first(await writer.flush(0, await attempt())).lane).toBe(before.lane);
    const other = await rig.writer();
    await other.audit.ready(orgId);
    await other.unitOfWork.run((tx) => other.audit.closeAbandonedLanes(tx, true));
    await writer.unitOfWork.run((tx) => writer.audit.heartbeat(tx));
    expect(first(await writer.flush(0, await attempt())).lane).not.toBe(before.lane);
    await clean();
  });

  it('a drained process closes its lanes itself', async () => {
    const leaving = await rig.writer();
    await leaving.audit.ready(orgId);
    const { lane } = first(await leaving.call(0, { orgId }));
    await change(leaving);
    await leaving.unitOfWork.run((tx) => leaving.audit.closeOwnLanes(tx));
    expect((await read({ lane, n: 4 }))?.core).toMatchObject({
      type: 'lane.close',
      pub: { lane, n: 4, reason: 'drain' },
    });
    expect(first(await leaving.flush(0, await attempt(leaving))).lane).not.toBe(lane);
    await clean();
  });

  it('stops for good when the database is behind what it confirmed', async () => {
    const stopping = await rig.writer();
    await stopping.audit.ready(orgId);
    const { lane, n } = first(await stopping.flush(0, await attempt(stopping)));
    await stopping.flush(0, await attempt(stopping));
    await runSql(
      rig.database.url,
      'ALTER TABLE audit_lane DISABLE TRIGGER ALL',
      `UPDATE audit_lane SET n = ${String(n)} WHERE lane = '${lane}'`,
    );
    await expect(stopping.flush(0, await attempt(stopping))).rejects.toMatchObject({ code: 'audit_safe_stop' });
    expect(() => stopping.audit.prepare(anAttempt(newId(), orgId))).toThrow('has stopped');
    await expect(change(stopping)).rejects.toMatchObject({ code: 'audit_safe_stop' });
    await runSql(rig.database.url, `UPDATE audit_lane SET n = ${String(n + 2)} WHERE lane = '${lane}'`);
  });
});
