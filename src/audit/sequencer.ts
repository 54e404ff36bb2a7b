import { Injectable } from '@nestjs/common';

import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AuditWriter } from './audit-writer.js';
import { TileTree } from './domain/tile-tree.js';
import { TreeRepository, type LaneAhead, type LeafBatch, type SeqRow } from './persistence/tree.repository.js';

const LEAF_BYTES = 32;
const PAGE = 1_000;
/** Records of one transaction; a lane is never cut, so that its heads are known. */
const ENOUGH = 20_000;

/** The database lacks records that a lane counts: nothing may be signed over it. */
export class LaneHoleError extends Error {
  override readonly name = 'LaneHoleError';
}

/** Puts the records of all lanes into one order: the log's Merkle tree. One process per log at a time, elected by an advisory
 *  lock of the transaction; a guarded update lets only one of two that believe so go on. What is committed is what is signed. */
@Injectable()
export class Sequencer {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly tree: TreeRepository,
    private readonly writer: AuditWriter,
  ) {}

  /** Sequences what lies before it, log after log; returns how many records came into trees. */
  async run(): Promise<number> {
    const logs = await this.unitOfWork.read((tx) => this.tree.findLogsAhead(tx));
    let total = 0;
    for (const logId of logs) {
      for (let moved = ENOUGH; moved >= ENOUGH; total += moved) moved = await this.#sequence(logId);
    }
    return total;
  }

  async #sequence(logId: number): Promise<number> {
    try {
      return await this.unitOfWork.run((tx) => this.#sequenceIn(tx, logId));
    } catch (error) {
      if (!(error instanceof LaneHoleError)) throw error;
      // For good: no later state of this database can be trusted to hold what callers have receipts for.
      await this.unitOfWork.run((tx) => this.tree.stop(tx, logId));
      this.writer.stop(error.message);
      return 0;
    }
  }

  async #sequenceIn(tx: Tx, logId: number): Promise<number> {
    if (!(await this.tree.tryLock(tx, logId))) return 0;
    const state = await this.tree.findState(tx, logId);
    if (state === undefined || state.state === 'closed' || state.state === 'safe_stop') return 0;
    const lanes: LaneAhead[] = [];
    const batches: LeafBatch[] = [];
    let count = 0;
    for (const lane of await this.tree.findLanesAhead(tx, logId)) {
      if (count >= ENOUGH) break;
      const own = await this.#readLane(tx, logId, lane);
      lanes.push(lane);
      for (const batch of own) batches.push(batch);
      count += lane.n - lane.from;
    }
    if (count === 0) return 0;
    // About the order of events. Inside a lane time does not fall, so its own order stays.
    batches.sort((a, b) => a.atMs - b.atMs || (a.lane < b.lane ? -1 : a.lane > b.lane ? 1 : a.n0 - b.n0));
    const grown = new TileTree(state.size, state.frontier);
    const rows = batches.map((batch) => place(grown, batch));
    await this.tree.insertSeq(tx, logId, rows);
    await this.tree.insertTiles(tx, logId, grown.takeFull());
    await this.tree.moveCursors(tx, logId, lanes);
    const moved = await this.tree.moveTree(tx, {
      logId,
      old: state.size,
      size: grown.size,
      root: grown.root(),
      frontier: grown.frontier(),
      leader: this.writer.identity.replica,
    });
    if (!moved) throw new Error(`The tree of log ${String(logId)} was moved by another process`);
    return count;
  }

  /** The leaves of a lane from the cursor to its end, without a gap. @throws LaneHoleError */
  async #readLane(tx: Tx, logId: number, { lane, from, n }: LaneAhead): Promise<readonly LeafBatch[]> {
    const batches: LeafBatch[] = [];
    let at = from;
    for (let isMore = true; isMore;) {
      const page = await this.tree.findLeaves(tx, { logId, lane, from: at, to: n, limit: PAGE });
      for (const batch of page) {
        if (batch.n0 !== at || batch.leaves.length !== batch.count * LEAF_BYTES) throw hole(lane, n, at);
        batches.push(batch);
        at += batch.count;
      }
      isMore = page.length === PAGE;
    }
    if (at !== n) throw hole(lane, n, at);
    return batches;
  }
}

/** Adds a batch to the tree and says where it stands. */
function place(tree: TileTree, { lane, n0, count, month, leaves }: LeafBatch): SeqRow {
  const firstIndex = tree.size;
  for (let at = 0; at < leaves.length; at += LEAF_BYTES) tree.add(leaves.subarray(at, at + LEAF_BYTES));
  return { firstIndex, lane, n0, count, month };
}

function hole(lane: string, n: number, at: number): LaneHoleError {
  return new LaneHoleError(`lane ${lane} counts ${String(n)} records; number ${String(at)} is not there`);
}
