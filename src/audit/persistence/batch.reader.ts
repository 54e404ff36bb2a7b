import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

/** A lane as its row says. */
export interface LaneState {
  readonly lane: string;
  readonly n: number;
  readonly sha256: string;
  readonly sha512: string;
  readonly sha3: string;
  readonly closed: boolean;
}

/** A batch as it lies in the database, with the vault of its records. */
export interface StoredBatch {
  readonly month: string;
  readonly n0: number;
  readonly count: number;
  readonly leaves: Buffer;
  readonly body: Buffer;
  readonly vault: Buffer | null;
}

/** A batch at its place in the tree. */
export interface OrderedBatch extends Omit<StoredBatch, 'vault'> {
  readonly firstIndex: number;
  readonly lane: string;
}

interface BatchRow {
  readonly n0: string;
  readonly cnt: number;
  readonly leaves: Buffer;
  readonly body: Buffer;
  readonly blobs: Buffer | null;
}

/** A page holds at most 16 × 512 KiB, the limit of a flush. */
const PAGE = 16;

/** Reads the log: exact bytes, in order, a page at a time. */
@Injectable()
export class BatchReader {
  /** Lanes of a log, in order of their ids. */
  async lanes(tx: Tx, logId: number): Promise<readonly LaneState[]> {
    const rows = await rowsOf<{
      lane: string;
      n: string;
      head_sha256: string;
      head_sha512: string;
      head_sha3: string;
      closed: boolean;
    }>(
      tx,
      {
        text: `SELECT lane, n, head_sha256, head_sha512, head_sha3, closed_at IS NOT NULL AS closed
                 FROM audit_lane WHERE log_id = $1 ORDER BY lane`,
      },
      [logId],
    );
    return rows.map((row) => ({
      lane: row.lane,
      n: Number(row.n),
      sha256: row.head_sha256,
      sha512: row.head_sha512,
      sha3: row.head_sha3,
      closed: row.closed,
    }));
  }

  /** First days of the months in which a log has batches, ascending. One index probe per month. */
  async months(tx: Tx, logId: number): Promise<readonly string[]> {
    const rows = await rowsOf<{ month: string }>(
      tx,
      {
        text: `WITH RECURSIVE found AS (
                 SELECT min(month) AS month FROM audit_batch WHERE log_id = $1
                 UNION ALL
                 SELECT (SELECT min(b.month) FROM audit_batch b WHERE b.log_id = $1 AND b.month > found.month)
                   FROM found WHERE found.month IS NOT NULL)
               SELECT to_char(month, 'YYYY-MM-DD') AS month FROM found WHERE month IS NOT NULL`,
      },
      [logId],
    );
    return rows.map(({ month }) => month);
  }

  /** Batches of a lane in a month from record `from`, at most 16. The month is named so that the primary key finds them. */
  async batches(
    tx: Tx,
    place: { readonly logId: number; readonly lane: string; readonly month: string; readonly from: number },
  ): Promise<readonly StoredBatch[]> {
    const rows = await rowsOf<BatchRow>(
      tx,
      {
        name: 'audit_batch_page',
        text: `SELECT b.n0, b.cnt, b.leaves, b.body, v.blobs FROM audit_batch b
                 LEFT JOIN audit_vault v ON v.log_id = b.log_id AND v.month = b.month AND v.lane = b.lane AND v.n0 = b.n0
                WHERE b.log_id = $1 AND b.month = $2::date AND b.lane = $3 AND b.n0 >= $4 ORDER BY b.n0 LIMIT ${String(PAGE)}`,
      },
      [place.logId, place.month, place.lane, place.from],
    );
    return rows.map((row) => ({
      month: place.month,
      n0: Number(row.n0),
      count: row.cnt,
      leaves: row.leaves,
      body: row.body,
      vault: row.blobs,
    }));
  }

  /** Batches in the order of the tree from the one that holds `index` on, without their vaults. */
  async inOrder(
    tx: Tx,
    place: { readonly logId: number; readonly index: number; readonly limit: number },
  ): Promise<readonly OrderedBatch[]> {
    const rows = await rowsOf<BatchRow & { first_index: string; lane: string; month: string }>(
      tx,
      {
        name: 'audit_batch_in_order',
        text: `SELECT s.first_index, s.lane, s.n0, s.cnt, to_char(s.month, 'YYYY-MM-DD') AS month, b.leaves, b.body, NULL AS blobs
                 FROM audit_seq s JOIN audit_batch b
                   ON b.log_id = s.log_id AND b.month = s.month AND b.lane = s.lane AND b.n0 = s.n0
                WHERE s.log_id = $1 AND s.first_index >= coalesce(
                      (SELECT max(first_index) FROM audit_seq WHERE log_id = $1 AND first_index <= $2), $2)
                ORDER BY s.first_index LIMIT $3`,
      },
      [place.logId, place.index, place.limit],
    );
    return rows.map((row) => ({
      firstIndex: Number(row.first_index),
      lane: row.lane,
      month: row.month,
      n0: Number(row.n0),
      count: row.cnt,
      leaves: row.leaves,
      body: row.body,
    }));
  }

  /** The vault of one batch; null when it has none. */
  async findVault(
    tx: Tx,
    place: { readonly logId: number; readonly month: string; readonly lane: string; readonly n0: number },
  ): Promise<Buffer | null> {
    const [row] = await rowsOf<{ blobs: Buffer }>(
      tx,
      {
        name: 'audit_vault_find',
        text: 'SELECT blobs FROM audit_vault WHERE log_id = $1 AND month = $2::date AND lane = $3 AND n0 = $4',
      },
      [place.logId, place.month, place.lane, place.n0],
    );
    return row?.blobs ?? null;
  }

  /** The log of a lane; undefined when there is no such lane. */
  async findLogOf(tx: Tx, lane: string): Promise<number | undefined> {
    const [row] = await rowsOf<{ log_id: number }>(tx, { text: 'SELECT log_id FROM audit_lane WHERE lane = $1' }, [
      lane,
    ]);
    return row?.log_id;
  }

  /** The batch of a lane and month that holds record `n`, if any. */
  async findBatch(
    tx: Tx,
    place: { readonly logId: number; readonly lane: string; readonly month: string; readonly n: number },
  ): Promise<{ readonly n0: number; readonly body: Buffer } | undefined> {
    const [row] = await rowsOf<{ n0: string; cnt: number; body: Buffer }>(
      tx,
      {
        text: `SELECT n0, cnt, body FROM audit_batch
                WHERE log_id = $1 AND month = $2::date AND lane = $3 AND n0 <= $4 ORDER BY n0 DESC LIMIT 1`,
      },
      [place.logId, place.month, place.lane, place.n],
    );
    if (row === undefined || Number(row.n0) + row.cnt <= place.n) return undefined;
    return { n0: Number(row.n0), body: row.body };
  }

  /** Batches of no lane, and vaults of no batch: somebody deleted the one or invented the other. */
  async countStrays(tx: Tx, logId: number): Promise<{ readonly batches: number; readonly vaults: number }> {
    const [row] = await rowsOf<{ batches: string; vaults: string }>(
      tx,
      {
        text: `SELECT (SELECT count(*) FROM audit_batch b
                        WHERE b.log_id = $1 AND NOT EXISTS (SELECT FROM audit_lane l WHERE l.lane = b.lane AND l.log_id = b.log_id)) AS batches,
                      (SELECT count(*) FROM audit_vault v
                        WHERE v.log_id = $1 AND NOT EXISTS (SELECT FROM audit_batch b
                                  WHERE b.log_id = v.log_id AND b.month = v.month AND b.lane = v.lane AND b.n0 = v.n0)) AS vaults`,
      },
      [logId],
    );
    return { batches: Number(row?.batches ?? 0), vaults: Number(row?.vaults ?? 0) };
  }
}
