import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { newId } from '../platform/ids/index.js';
import { headsOf, NO_HEADS } from './domain/chain.js';
import { splitCores } from './domain/verify-lane.js';
import { Lane } from './lane.js';
import { formatReceipt, type PreparedRecord } from './record-draft.js';

const aLane = (): Lane => new Lane(newId(), { id: 1, origin: 'a/b/2026h2', period: '2026h2' }, 'strict');
const aRecord = (): PreparedRecord => ({
  id: newId(),
  type: 'ai.attempt',
  orgId: 'org',
  logId: 1,
  sd: '[]',
  actorTag: null,
  caseTag: null,
  pub: '{}',
  ref: null,
  cfg: '0'.repeat(64),
  blobs: [],
  content: [],
});

describe('Lane', () => {
  it('a lane has one writer, no gaps and no way back, whatever is committed and rolled back in between', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean()), { maxLength: 12 }), (steps) => {
        const lane = aLane();
        let expected = 0;
        let head = '';
        for (const [count, commits] of steps) {
          const { batch, receipts } = lane.link(Array.from({ length: count }, aRecord), 1_790_000_000_000_000);
          expect(batch).toMatchObject({ n0: expected, head0: head, count });
          expect(receipts.map(({ n }) => n)).toEqual(receipts.map((_, index) => expected + index));
          if (commits) {
            lane.committed();
            expected += count;
            head = batch.heads.sha256;
          } else lane.rolledBack();
          expect([lane.length, lane.heads.sha256, lane.hasPending]).toEqual([expected, head, false]);
        }
      }),
    );
  });

  it('stored bytes are exactly the bytes that were hashed', () => {
    const lane = aLane();
    const { batch, receipts } = lane.link([aRecord(), aRecord(), aRecord()], 1_790_000_000_000_000);
    const cores = splitCores(batch.body);
    expect(cores.map((core) => headsOf(core).sha256)).toEqual(receipts.map(({ sha256 }) => sha256));
    expect(batch.heads).toEqual(headsOf(cores[2] ?? ''));
    expect(formatReceipt(receipts[1] ?? { recordId: '', lane: '', n: 0, sha256: '' })).toBe(
      `${lane.id}/1/${headsOf(cores[1] ?? '').sha256}`,
    );
  });

  it('links the same records anew after a rollback, with the same bytes', () => {
    const lane = aLane();
    const records = [aRecord(), aRecord()];
    const first = lane.link(records, 1_790_000_000_000_000).batch.body;
    lane.rolledBack();
    expect(lane.link(records, 1_790_000_000_000_000).batch.body).toEqual(first);
  });

  it('never lets time fall', () => {
    const lane = aLane();
    lane.link([aRecord()], 1_790_000_000_000_000);
    lane.committed();
    expect(lane.link([aRecord()], 1_780_000_000_000_000).batch.atMicros).toBe(1_790_000_000_000_000);
  });

  it('tells a database that is behind from one that is not', () => {
    const lane = aLane();
    expect(lane.isBehind(undefined)).toBe(false);
    const { batch } = lane.link([aRecord()], 1_790_000_000_000_000);
    expect(lane.isPending({ n: 1, sha256: batch.heads.sha256 })).toBe(true);
    lane.committed();
    const sha256 = batch.heads.sha256;
    expect([
      lane.isBehind(undefined),
      lane.isBehind({ n: 0, sha256: NO_HEADS.sha256 }),
      lane.isBehind({ n: 1, sha256: 'other' }),
      lane.isBehind({ n: 1, sha256 }),
      lane.isBehind({ n: 2, sha256: 'later' }),
    ]).toEqual([true, true, true, false, false]);
  });
});
