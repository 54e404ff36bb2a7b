import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Heads } from '../domain/chain.js';
import type { Tile, TilePlace } from '../domain/tile-tree.js';

/** Advisory lock class of sequencing; the second key is the log. */
const SEQUENCER_LOCK = 4_242_005;

/** A log's tree as committed. */
export interface TreeState {
  readonly logId: number;
  readonly state: 'open' | 'closing' | 'closed' | 'safe_stop';
  readonly size: number;
  /** 32 bytes. Null: nothing is sequenced yet. */
  readonly root: Buffer | null;
  readonly frontier: Buffer;
}

/** A lane that has records behind the sequencer's position. */
export interface LaneAhead {
  readonly lane: string;
  /** Position of the sequencer. */
  readonly from: number;
  /** Where the lane stands. */
  readonly n: number;
  readonly heads: Heads;
}

/** What the sequencer needs of a batch. */
export interface LeafBatch {
  readonly lane: string;
  readonly n0: number;
  readonly count: number;
  readonly month: string;
  readonly atMs: number;
  readonly leaves: Buffer;
}

/** One batch at its place in the tree. */
export interface SeqRow {
  readonly firstIndex: number;
  readonly lane: string;
  readonly n0: number;
  readonly count: number;
  readonly month: string;
}

/** One batch at its place in the tree, with its leaves. */
export interface SeqLeaves extends SeqRow {
  readonly leaves: Buffer;
}

interface SeqRecord {
  readonly first_index: string;
  readonly lane: string;
  readonly n0: string;
  readonly cnt: number;
  readonly month: string;
}

const seqFrom = (row: SeqRecord): SeqRow => ({
  firstIndex: Number(row.first_index),
  lane: row.lane,
  n0: Number(row.n0),
  count: row.cnt,
  month: row.month,
});

/** Rows of the tree: sequence, tiles, cursors, and the state on the log's row. */
@Injectable()
export class TreeRepository {
  /** Elects the sequencer of a log for the transaction; false: another process has it. One that freezes is cut off. */
  async tryLock(tx: Tx, logId: number): Promise<boolean> {
    await rowsOf(tx, { text: `SET LOCAL idle_in_transaction_session_timeout = '10s'` });
    const [row] = await rowsOf<{ held: boolean }>(tx, { text: 'SELECT pg_try_advisory_xact_lock($1, $2) AS held' }, [
      SEQUENCER_LOCK,
      logId,
    ]);
    return row?.held === true;
  }

  /** Logs with records that are not in the tree. */
  async findLogsAhead(tx: Tx): Promise<readonly number[]> {
    const rows = await rowsOf<{ log_id: number }>(tx, {
      name: 'audit_logs_ahead',
      text: `SELECT DISTINCT l.log_id FROM audit_lane l LEFT JOIN audit_lane_cursor c USING (lane)
              WHERE l.n > coalesce(c.n, 0) ORDER BY l.log_id`,
    });
    return rows.map((row) => row.log_id);
  }

  /** Records that are not in a tree, and how long the oldest of them waits. */
  async findLag(tx: Tx): Promise<{ readonly records: number; readonly seconds: number }> {
    const [row] = await rowsOf<{ records: string; seconds: string | null }>(tx, {
      text: `WITH ahead AS (
               SELECT l.log_id, l.lane, l.n, coalesce(c.n, 0) AS seen
                 FROM audit_lane l LEFT JOIN audit_lane_cursor c USING (lane) WHERE l.n > coalesce(c.n, 0))
             SELECT coalesce(sum(n - seen), 0) AS records,
                    extract(epoch FROM now() - min((SELECT b.at FROM audit_batch b
                      WHERE b.log_id = ahead.log_id AND b.lane = ahead.lane AND b.n0 = ahead.seen))) AS seconds
               FROM ahead`,
    });
    return { records: Number(row?.records ?? 0), seconds: Math.max(0, Number(row?.seconds ?? 0)) };
  }

  async findState(tx: Tx, logId: number): Promise<TreeState | undefined> {
    const [row] = await rowsOf<{
      state: TreeState['state'];
      size: string;
      root: Buffer | null;
      frontier: Buffer | null;
    }>(tx, { name: 'audit_tree_state', text: 'SELECT state, size, root, frontier FROM audit_log WHERE log_id = $1' }, [
      logId,
    ]);
    if (row === undefined) return undefined;
    const frontier = row.frontier ?? Buffer.alloc(0);
    return { logId, state: row.state, size: Number(row.size), root: row.root, frontier };
  }

  /** Logs whose tree is larger than their newest checkpoint. */
  async findUnsigned(tx: Tx): Promise<readonly (TreeState & { readonly origin: string })[]> {
    const rows = await rowsOf<{
      log_id: number;
      origin: string;
      state: TreeState['state'];
      size: string;
      root: Buffer;
    }>(tx, {
      name: 'audit_tree_unsigned',
      text: `SELECT log_id, origin, state, size, root FROM audit_log l
                WHERE state IN ('open', 'closing') AND size > coalesce(
                      (SELECT max(c.size) FROM audit_checkpoint c WHERE c.log_id = l.log_id), 0) ORDER BY log_id`,
    });
    return rows.map(({ log_id: logId, size, ...row }) => ({
      ...row,
      logId,
      size: Number(size),
      frontier: Buffer.alloc(0),
    }));
  }

  /** Age of the oldest "newest checkpoint" among logs that grew since theirs; 0 when none did. */
  async findUnsignedSeconds(tx: Tx): Promise<number> {
    const [row] = await rowsOf<{ seconds: string | null }>(tx, {
      text: `SELECT max(extract(epoch FROM now() - coalesce(c.at, l.inception))) AS seconds
               FROM audit_log l LEFT JOIN LATERAL (
                    SELECT size, at FROM audit_checkpoint WHERE log_id = l.log_id ORDER BY size DESC LIMIT 1) c ON true
              WHERE l.state IN ('open', 'closing') AND l.size > coalesce(c.size, 0)`,
    });
    return Math.max(0, Number(row?.seconds ?? 0));
  }

  /** Logs that are due for a seal. */
  async findUnsealed(tx: Tx, before: Date): Promise<readonly { readonly logId: number; readonly origin: string }[]> {
    const rows = await rowsOf<{ log_id: number; origin: string }>(
      tx,
      {
        text: `SELECT log_id, origin FROM audit_log l
                WHERE state IN ('open', 'closing') AND size > 0 AND NOT EXISTS (
                      SELECT FROM audit_seal s WHERE s.log_id = l.log_id AND s.at > $1) ORDER BY log_id`,
      },
      [before],
    );
    return rows.map(({ log_id: logId, origin }) => ({ logId, origin }));
  }

  /** Lanes with records behind the cursor, with their heads at `n`, in order of their ids. */
  async findLanesAhead(tx: Tx, logId: number): Promise<readonly LaneAhead[]> {
    const rows = await rowsOf<{
      lane: string;
      seen: string;
      n: string;
      head_sha256: string;
      head_sha512: string;
      head_sha3: string;
    }>(
      tx,
      {
        name: 'audit_lanes_ahead',
        text: `SELECT l.lane, coalesce(c.n, 0) AS seen, l.n, l.head_sha256, l.head_sha512, l.head_sha3
                 FROM audit_lane l LEFT JOIN audit_lane_cursor c USING (lane)
                WHERE l.log_id = $1 AND l.n > coalesce(c.n, 0) ORDER BY l.lane`,
      },
      [logId],
    );
    return rows.map((row) => ({
      lane: row.lane,
      from: Number(row.seen),
      n: Number(row.n),
      heads: { sha256: row.head_sha256, sha512: row.head_sha512, sha3: row.head_sha3 },
    }));
  }

  /** Lanes whose row stands behind the cursor: somebody took records away. */
  async findLanesBehind(tx: Tx, logId: number): Promise<readonly string[]> {
    const rows = await rowsOf<{ lane: string }>(
      tx,
      {
        text: `SELECT c.lane FROM audit_lane_cursor c LEFT JOIN audit_lane l USING (lane)
                WHERE c.log_id = $1 AND (l.lane IS NULL OR l.n < c.n OR
                      (l.n = c.n AND (l.head_sha256 <> c.head_sha256 OR l.head_sha512 <> c.head_sha512 OR l.head_sha3 <> c.head_sha3)))
                ORDER BY c.lane LIMIT 100`,
      },
      [logId],
    );
    return rows.map(({ lane }) => lane);
  }

  /** Leaves of a lane from `from` to before `to`, in order; bodies are not read. At most `limit` batches. */
  async findLeaves(
    tx: Tx,
    { logId, lane, from, to, limit }: { logId: number; lane: string; from: number; to: number; limit: number },
  ): Promise<readonly LeafBatch[]> {
    const rows = await rowsOf<{ n0: string; cnt: number; month: string; at: Date; leaves: Buffer }>(
      tx,
      {
        name: 'audit_leaves',
        text: `SELECT n0, cnt, to_char(month, 'YYYY-MM-DD') AS month, at, leaves FROM audit_batch
                WHERE log_id = $1 AND lane = $2 AND n0 >= $3 AND n0 < $4 ORDER BY n0 LIMIT $5`,
      },
      [logId, lane, from, to, limit],
    );
    return rows.map((row) => ({
      lane,
      n0: Number(row.n0),
      count: row.cnt,
      month: row.month,
      atMs: row.at.getTime(),
      leaves: row.leaves,
    }));
  }

  /** Adds batches behind the tree's end. */
  async insertSeq(tx: Tx, logId: number, rows: readonly SeqRow[]): Promise<void> {
    await rowsOf(
      tx,
      {
        name: 'audit_seq_insert',
        text: `INSERT INTO audit_seq (log_id, first_index, lane, n0, cnt, month)
               SELECT $1, * FROM unnest($2::bigint[], $3::uuid[], $4::bigint[], $5::int[], $6::date[])`,
      },
      [
        logId,
        rows.map(({ firstIndex }) => firstIndex),
        rows.map(({ lane }) => lane),
        rows.map(({ n0 }) => n0),
        rows.map(({ count }) => count),
        rows.map(({ month }) => month),
      ],
    );
  }

  async insertTiles(tx: Tx, logId: number, tiles: readonly Tile[]): Promise<void> {
    if (tiles.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'audit_tile_insert',
        text: `INSERT INTO audit_tile (log_id, level, idx, data) SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[])`,
      },
      [logId, tiles.map(({ level }) => level), tiles.map(({ index }) => index), tiles.map(({ data }) => data)],
    );
  }

  /** Moves the sequencer's position on lanes. */
  async moveCursors(tx: Tx, logId: number, lanes: readonly LaneAhead[]): Promise<void> {
    await rowsOf(
      tx,
      {
        name: 'audit_cursor_move',
        text: `INSERT INTO audit_lane_cursor (lane, log_id, n, head_sha256, head_sha512, head_sha3)
               SELECT l.lane, $1, l.n, l.a, l.b, l.c FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[]) AS l(lane, n, a, b, c)
               ON CONFLICT (lane) DO UPDATE SET n = excluded.n, head_sha256 = excluded.head_sha256,
                 head_sha512 = excluded.head_sha512, head_sha3 = excluded.head_sha3, sealed = false`,
      },
      [
        logId,
        lanes.map(({ lane }) => lane),
        lanes.map(({ n }) => n),
        lanes.map(({ heads }) => heads.sha256),
        lanes.map(({ heads }) => heads.sha512),
        lanes.map(({ heads }) => heads.sha3),
      ],
    );
  }

  /** Moves the tree on when it still stands at `old`; false: another process did. */
  async moveTree(
    tx: Tx,
    { logId, old, size, root, frontier, leader }: Omit<TreeState, 'state'> & { old: number; leader: string },
  ): Promise<boolean> {
    const rows = await rowsOf<{ log_id: number }>(
      tx,
      {
        name: 'audit_tree_move',
        text: `UPDATE audit_log SET size = $3, root = $4, frontier = $5, leader = $6, epoch = epoch + 1
                WHERE log_id = $1 AND size = $2 AND state IN ('open', 'closing') RETURNING log_id`,
      },
      [logId, old, size, root, frontier, leader],
    );
    return rows.length === 1;
  }

  /** Ends a log for good: it is never signed again. */
  async stop(tx: Tx, logId: number): Promise<void> {
    await rowsOf(tx, { text: `UPDATE audit_log SET state = 'safe_stop' WHERE log_id = $1 AND state <> 'safe_stop'` }, [
      logId,
    ]);
  }

  async findTiles(tx: Tx, logId: number, places: readonly TilePlace[]): Promise<readonly Tile[]> {
    if (places.length === 0) return [];
    const rows = await rowsOf<{ level: number; idx: string; data: Buffer }>(
      tx,
      {
        text: `SELECT t.level, t.idx, t.data FROM unnest($2::smallint[], $3::bigint[]) AS p(level, idx)
                 JOIN audit_tile t ON t.log_id = $1 AND t.level = p.level AND t.idx = p.idx`,
      },
      [logId, places.map(({ level }) => level), places.map(({ index }) => index)],
    );
    return rows.map(({ level, idx, data }) => ({ level, index: Number(idx), data }));
  }

  /** Batches in the order of the tree from the one that holds leaf `index` on. */
  async findSeq(
    tx: Tx,
    { logId, index, limit }: { readonly logId: number; readonly index: number; readonly limit: number },
  ): Promise<readonly SeqRow[]> {
    const rows = await rowsOf<SeqRecord>(
      tx,
      {
        name: 'audit_seq_page',
        text: `SELECT first_index, lane, n0, cnt, to_char(month, 'YYYY-MM-DD') AS month FROM audit_seq
                WHERE log_id = $1 AND first_index >= coalesce(
                      (SELECT max(first_index) FROM audit_seq WHERE log_id = $1 AND first_index <= $2), $2)
                ORDER BY first_index LIMIT $3`,
      },
      [logId, index, limit],
    );
    return rows.map(seqFrom);
  }

  /** Leaves in the order of the tree, from the batch that begins at leaf `index` on; a batch that is gone has none. */
  async findLeavesInOrder(
    tx: Tx,
    { logId, index, limit }: { readonly logId: number; readonly index: number; readonly limit: number },
  ): Promise<readonly SeqLeaves[]> {
    const rows = await rowsOf<SeqRecord & { leaves: Buffer | null }>(
      tx,
      {
        name: 'audit_leaves_in_order',
        text: `SELECT s.first_index, s.lane, s.n0, s.cnt, to_char(s.month, 'YYYY-MM-DD') AS month, b.leaves
                 FROM audit_seq s LEFT JOIN audit_batch b
                   ON b.log_id = s.log_id AND b.month = s.month AND b.lane = s.lane AND b.n0 = s.n0
                WHERE s.log_id = $1 AND s.first_index >= $2 ORDER BY s.first_index LIMIT $3`,
      },
      [logId, index, limit],
    );
    return rows.map((row) => ({ ...seqFrom(row), leaves: row.leaves ?? Buffer.alloc(0) }));
  }

  /** The tree's index of a lane's record; undefined while it is not sequenced. */
  async findIndex(tx: Tx, place: { readonly lane: string; readonly n: number }): Promise<number | undefined> {
    const [row] = await rowsOf<SeqRecord>(
      tx,
      {
        text: `SELECT first_index, lane, n0, cnt, '' AS month FROM audit_seq WHERE lane = $1 AND n0 <= $2 ORDER BY n0 DESC LIMIT 1`,
      },
      [place.lane, place.n],
    );
    const found = row === undefined ? undefined : seqFrom(row);
    return found !== undefined && place.n < found.n0 + found.count
      ? found.firstIndex + (place.n - found.n0)
      : undefined;
  }
}
