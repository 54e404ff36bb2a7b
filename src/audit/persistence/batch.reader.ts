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

/** A batch as it lies in the database. */
export interface StoredBatch {
  readonly n0: number;
  readonly count: number;
  readonly leaves: Buffer;
  readonly body: Buffer;
  readonly vault: Buffer | null;
}

const PAGE = 200;

/** Reads the log for verification: exact bytes, in order, a page at a time. */
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

  /** Batches of a lane from record `from`, at most 200. */
  async batches(
    tx: Tx,
    place: { readonly logId: number; readonly lane: string; readonly from: number },
  ): Promise<readonly StoredBatch[]> {
    const rows = await rowsOf<{ n0: string; cnt: number; leaves: Buffer; body: Buffer; blobs: Buffer | null }>(
      tx,
      {
        text: `SELECT b.n0, b.cnt, b.leaves, b.body, v.blobs FROM audit_batch b LEFT JOIN audit_vault v USING (log_id, month, lane, n0)
                WHERE b.log_id = $1 AND b.lane = $2 AND b.n0 >= $3 ORDER BY b.n0 LIMIT ${String(PAGE)}`,
      },
      [place.logId, place.lane, place.from],
    );
    return rows.map((row) => ({
      n0: Number(row.n0),
      count: row.cnt,
      leaves: row.leaves,
      body: row.body,
      vault: row.blobs,
    }));
  }

  /** Batches that belong to no lane row: somebody deleted the lane, or invented the batch. */
  async countStrayBatches(tx: Tx, logId: number): Promise<number> {
    const [row] = await rowsOf<{ n: string }>(
      tx,
      {
        text: `SELECT count(*) AS n FROM audit_batch b WHERE b.log_id = $1 AND NOT EXISTS (SELECT FROM audit_lane l WHERE l.lane = b.lane)`,
      },
      [logId],
    );
    return Number(row?.n ?? 0);
  }
}
