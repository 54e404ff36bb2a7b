import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AuditWriter } from '../../../src/audit/audit-writer.js';
import { CheckpointSigner } from '../../../src/audit/checkpoint-signer.js';
import { leafHash } from '../../../src/audit/domain/chain.js';
import { readCheckpoint } from '../../../src/audit/domain/checkpoint.js';
import { CompactTree, verifyConsistency, verifyInclusion } from '../../../src/audit/domain/merkle.js';
import { openNote } from '../../../src/audit/domain/note.js';
import { readVerifierKey, type NoteKey } from '../../../src/audit/domain/note-key.js';
import { readProof } from '../../../src/audit/domain/proof.js';
import { readSeal, sealDigests } from '../../../src/audit/domain/seal.js';
import { LogProofs, type LogHead, type Receipt } from '../../../src/audit/index.js';
import { Sequencer } from '../../../src/audit/sequencer.js';
import { TreeReader } from '../../../src/audit/tree-reader.js';
import { newId } from '../../../src/platform/ids/index.js';
import { runSql } from '../../support/database-cluster.js';
import { rows } from '../../support/rows.js';
import { anAttempt, AuditRig, ShiftedClock, type Writer } from './audit-rig.js';

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

const attempts = async (count: number, by: Writer = writer): Promise<Parameters<Writer['flush']>[1]> =>
  Promise.all(Array.from({ length: count }, async () => by.audit.prepare(anAttempt(newId(), orgId))));
const sequence = (by: Writer = writer): Promise<number> => by.get(Sequencer).run();
const sign = (by: Writer = writer): Promise<number> => by.get(CheckpointSigner).sign();
const head = async (): Promise<LogHead> => {
  const [found] = await writer.get(LogProofs).heads(orgId);
  if (found === undefined) throw new Error('no log');
  return found;
};
const some = (receipt: Receipt | undefined): Receipt => {
  if (receipt === undefined) throw new Error('no receipt');
  return receipt;
};
const keyOf = ({ vkey }: LogHead): NoteKey => {
  const key = readVerifierKey(vkey ?? '');
  if (key === undefined) throw new Error('no key');
  return key;
};

interface Sequenced {
  readonly first_index: string;
  readonly lane: string;
  readonly n0: string;
  readonly cnt: number;
  readonly body: Buffer;
}

/** The records of the organisation's log in the order of the tree. */
async function inOrder(): Promise<readonly Buffer[]> {
  const { logId } = await head();
  const batches = await rows<Sequenced>(
    rig.database.url,
    `SELECT s.*, b.body FROM audit_seq s JOIN audit_batch b USING (log_id, month, lane, n0)
      WHERE log_id = ${String(logId)} ORDER BY first_index`,
  );
  let index = 0;
  return batches.flatMap(({ first_index: first, cnt, body }) => {
    expect(Number(first)).toBe(index);
    index += cnt;
    return body
      .toString('utf8')
      .split('\n')
      .map((line) => Buffer.from(line));
  });
}

describe('the tree', () => {
  it('holds every record of every lane once, each lane in order, however many sequencers run', async () => {
    const others = [await rig.writer(), await rig.writer()];
    const all = [writer, ...others];
    const write = async (by: Writer, slot: number): Promise<void> => {
      for (let flush = 0; flush < 12; flush += 1) await by.flush(slot, await attempts(1 + (flush % 3), by));
    };
    const run = async (by: Writer): Promise<void> => {
      for (let round = 0; round < 15; round += 1) await sequence(by).catch(() => 0);
    };
    await Promise.all([...all.flatMap((by) => [write(by, 0), write(by, 1)]), ...all.map((by) => run(by))]);
    await sequence();
    const cores = await inOrder();
    const seen = new Map<string, number>();
    for (const core of cores) {
      const { lane, n } = JSON.parse(core.toString('utf8')) as { lane: string; n: number };
      expect(n).toBe(seen.get(lane) ?? 0);
      seen.set(lane, n + 1);
    }
    const lanes = await rows<{ lane: string; n: string }>(
      rig.database.url,
      `SELECT lane, n FROM audit_lane WHERE log_id = ${String((await head()).logId)}`,
    );
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(lanes.map(({ lane, n }) => [lane, Number(n)])));
    expect(cores.length).toBeGreaterThanOrEqual(6 * 24);
  });

  it('has the root that the records have, over full tiles and their rest', async () => {
    for (let flush = 0; flush < 6; flush += 1) {
      await writer.flush(0, await attempts(120));
      if (flush % 2 === 0) await sequence();
    }
    await sequence();
    await sign();
    const cores = await inOrder();
    const tree = new CompactTree();
    for (const core of cores) tree.add(leafHash(core));
    const { checkpoint, size, origin } = await head();
    expect(size).toBe(cores.length);
    expect(size).toBeGreaterThan(700);
    const opened = openNote(checkpoint?.note ?? '', [keyOf(await head())]);
    if (typeof opened === 'string') throw new Error(opened);
    expect(readCheckpoint(opened.text)).toEqual({ origin, size, root: tree.root() });
  });

  it('proves each record and that it only grew', async () => {
    const [receipt] = await writer.flush(0, await attempts(1));
    await writer.flush(1, await attempts(300));
    await sequence();
    await sign();
    const old = await head();
    await writer.flush(0, await attempts(400));
    await sequence();
    await sign();
    const now = await head();
    const { proof, core } = await writer.get(LogProofs).proof(some(receipt), orgId);
    const read = readProof(proof);
    const roots = [old, now].map(({ checkpoint }) => {
      const opened = openNote(checkpoint?.note ?? '', [keyOf(now)]);
      return (typeof opened === 'string' ? undefined : readCheckpoint(opened.text)) ?? { size: 0, root: core };
    });
    const [before, after] = roots as [{ size: number; root: Buffer }, { size: number; root: Buffer }];
    const claim = { index: read?.index ?? -1, size: after.size, leaf: leafHash(core), root: after.root };
    expect(verifyInclusion({ ...claim, proof: read?.hashes ?? [] })).toBe(true);
    const hashes = await writer.unitOfWork.read((tx) =>
      writer.get(TreeReader).consistency(tx, now.logId, { old: before.size, size: after.size }),
    );
    expect(
      verifyConsistency({ old: before.size, size: after.size, oldRoot: before.root, root: after.root, proof: hashes }),
    ).toBe(true);
    await expect(writer.get(LogProofs).proof(some(receipt), newId())).rejects.toMatchObject({ code: 'not_found' });
    const [late] = await writer.flush(0, await attempts(1));
    await expect(writer.get(LogProofs).proof(some(late), orgId)).rejects.toMatchObject({
      code: 'export_not_ready',
    });
  });
});

describe('a checkpoint', () => {
  it('is one per size, whoever signs', async () => {
    const other = await rig.writer();
    await writer.flush(0, await attempts(3));
    await sequence();
    await Promise.all([sign(), sign(other), sign()]);
    await sign(other);
    const { logId, checkpoint } = await head();
    const notes = await rows<{ note: string }>(
      rig.database.url,
      `SELECT note FROM audit_checkpoint WHERE log_id = ${String(logId)}`,
    );
    expect(notes.map(({ note }) => note)).toEqual([checkpoint?.note]);
  });

  it('is named by the records that follow it', async () => {
    await writer.flush(0, await attempts(1));
    await sequence();
    await sign();
    const { size } = await head();
    await writer.flush(0, await attempts(2));
    await sequence();
    const last = (await inOrder()).slice(-2).map((core) => JSON.parse(core.toString('utf8')) as { cp?: object });
    expect(last[0]).toMatchObject({ cp: { size } });
    expect(last[1]).not.toHaveProperty('cp');
    expect(await writer.verify()).toMatchObject({ ok: true, findings: [] });
  });
});

describe('a seal', () => {
  it('names where every lane stands and the seal before; once a minute, also when nothing happens', async () => {
    const clock = new ShiftedClock();
    const sealing = await rig.writer(clock);
    const seal = (): Promise<number> => sealing.get(CheckpointSigner).seal();
    const receipts = await writer.flush(0, await attempts(2));
    await sequence();
    await seal();
    expect(await seal()).toBe(0);
    clock.moveTo(clock.nowMs() + 61_000);
    expect(await seal()).toBeGreaterThan(0);
    const { logId, origin, size } = await head();
    const notes = await rows<{ note: string }>(
      rig.database.url,
      `SELECT note FROM audit_seal WHERE log_id = ${String(logId)} ORDER BY no`,
    );
    const seals = notes.map(({ note }) => readSeal(note.slice(0, note.lastIndexOf('\n\n') + 1)));
    expect(seals.map((one) => [one?.log, one?.no, one?.size])).toEqual([
      [origin, 0, size],
      [origin, 1, size],
    ]);
    expect(seals[1]?.before).toEqual(sealDigests(notes[0]?.note ?? ''));
    const last = receipts[1];
    expect(seals[0]?.lanes.find(({ lane }) => lane === last?.lane)).toMatchObject({
      n: (last?.n ?? 0) + 1,
      heads: { sha256: last?.sha256 },
    });
  });
});

describe('a database that lost records', () => {
  /** Acts as a superuser who has switched the triggers off. */
  const tamper = (...statements: readonly string[]): Promise<void> =>
    runSql(rig.database.url, `SET session_replication_role = replica`, ...statements);

  it('is not sequenced over a hole, and never again', async () => {
    const own = await AuditRig.start();
    try {
      const by = await own.writer();
      await by.audit.ready(orgId);
      const [receipt] = await by.flush(0, await attempts(1, by));
      await by.flush(0, await attempts(1, by));
      await runSql(
        own.database.url,
        'ALTER TABLE audit_batch DISABLE TRIGGER ALL',
        `DELETE FROM audit_batch WHERE lane = '${receipt?.lane ?? ''}' AND n0 = 0`,
      );
      await by.get(Sequencer).run();
      expect(by.get(AuditWriter).stopReason).toContain('is not there');
      expect(await by.get(CheckpointSigner).sign()).toBe(0);
      const [log] = await rows<{ state: string }>(own.database.url, 'SELECT state FROM audit_log');
      expect(log?.state).toBe('safe_stop');
      await expect(runSql(own.database.url, `UPDATE audit_log SET state = 'open'`)).rejects.toThrow('append-only');
    } finally {
      await own.stop();
    }
  });

  it('makes a writer stop that saw a later checkpoint', async () => {
    const by = await rig.writer();
    by.get(AuditWriter).sawCheckpoint(77, { size: 10, root: 'AA' });
    by.get(AuditWriter).sawCheckpoint(77, { size: 9, root: 'AA' });
    expect(by.get(AuditWriter).stopReason).toContain('fell from 10 to 9');
    await expect(async () => by.audit.prepare(anAttempt(newId(), orgId))).rejects.toMatchObject({
      code: 'audit_safe_stop',
    });
  });

  it('refuses to shrink a tree or to change what was signed', async () => {
    await writer.flush(0, await attempts(1));
    await sequence();
    await sign();
    for (const statement of [
      `UPDATE audit_log SET size = size - 1 WHERE size > 0`,
      `UPDATE audit_checkpoint SET note = ''`,
      `DELETE FROM audit_seq`,
      `TRUNCATE audit_tile`,
      `DELETE FROM audit_lane_cursor`,
      `UPDATE audit_lane_cursor SET n = n - 1`,
    ])
      await expect(tamper(statement)).rejects.toThrow('append-only');
  });
});
