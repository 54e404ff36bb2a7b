import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Heads } from '../domain/chain.js';

/** A lane that was closed because its writer is gone. */
export interface ClosedLane {
  readonly lane: string;
  readonly logId: number;
  readonly n: number;
  readonly heads: Heads;
}

/** One linked batch, ready to be appended. */
export interface Batch {
  readonly lane: string;
  readonly n0: number;
  /** SHA-256 of the lane's last record before the batch. */
  readonly head0: string;
  readonly count: number;
  readonly month: string;
  readonly atMicros: number;
  readonly heads: Heads;
  /** 32 bytes per record. */
  readonly leaves: Buffer;
  /** Cores with a line feed between them. */
  readonly body: Buffer;
  readonly vault: Buffer | null;
}

interface LaneRow {
  readonly lane: string;
  readonly log_id: number;
  readonly n: string;
  readonly head_sha256: string;
  readonly head_sha512: string;
  readonly head_sha3: string;
}

const LEASE = `interval '15 s'`;
const instant = (atMicros: number): string => new Date(Math.floor(atMicros / 1000)).toISOString();

/** Rows of audit_lane, and the append that moves a lane forward. */
@Injectable()
export class LaneRepository {
  /** Adds an empty lane. */
  async insert(
    tx: Tx,
    lane: { readonly lane: string; readonly logId: number; readonly replica: string; readonly bootId: string },
  ): Promise<void> {
    await rowsOf(
      tx,
      {
        name: 'audit_lane_insert',
        text: `INSERT INTO audit_lane (lane, log_id, replica, boot_id, n, head_sha256, head_sha512, head_sha3, lease_until)
               VALUES ($1, $2, $3, $4, 0, '', '', '', now() + ${LEASE})`,
      },
      [lane.lane, lane.logId, lane.replica, lane.bootId],
    );
  }

  /** Appends a batch when the lane still stands where its writer believes; false: the lane moved or was closed. */
  async append(tx: Tx, batch: Batch): Promise<boolean> {
    const [row] = await rowsOf<{ appended: string }>(
      tx,
      {
        name: 'audit_append',
        text: `WITH lane AS (
                 UPDATE audit_lane SET n = n + $3, head_sha256 = $6, head_sha512 = $7, head_sha3 = $8, lease_until = now() + ${LEASE}
                  WHERE lane = $1 AND n = $2 AND head_sha256 = $12 AND closed_at IS NULL RETURNING log_id),
               batch AS (
                 INSERT INTO audit_batch (log_id, month, lane, n0, cnt, at, leaves, body)
                 SELECT log_id, $4::date, $1, $2, $3, $5, $9, $10 FROM lane RETURNING 1),
               vault AS (
                 INSERT INTO audit_vault (log_id, month, lane, n0, blobs)
                 SELECT log_id, $4::date, $1, $2, $11 FROM lane WHERE $11::bytea IS NOT NULL RETURNING 1)
               SELECT count(*) AS appended FROM batch`,
      },
      [
        batch.lane,
        batch.n0,
        batch.count,
        batch.month,
        instant(batch.atMicros),
        batch.heads.sha256,
        batch.heads.sha512,
        batch.heads.sha3,
        batch.leaves,
        batch.body,
        batch.vault,
        batch.head0,
      ],
    );
    return row?.appended === '1';
  }

  /** Where a lane stands, after any backend that still holds it; undefined when it does not exist. */
  async findLocked(
    tx: Tx,
    lane: string,
  ): Promise<{ readonly n: number; readonly sha256: string; readonly closed: boolean } | undefined> {
    const [row] = await rowsOf<{ n: string; head_sha256: string; closed: boolean }>(
      tx,
      { text: 'SELECT n, head_sha256, closed_at IS NOT NULL AS closed FROM audit_lane WHERE lane = $1 FOR UPDATE' },
      [lane],
    );
    return row === undefined ? undefined : { n: Number(row.n), sha256: row.head_sha256, closed: row.closed };
  }

  /** Extends the leases of open lanes and returns which of the lanes others closed. A lane whose append is in flight is
   *  passed over: the append extends its lease. */
  async extend(tx: Tx, lanes: readonly string[]): Promise<ReadonlySet<string>> {
    await rowsOf(
      tx,
      {
        text: `UPDATE audit_lane SET lease_until = now() + ${LEASE} WHERE lane IN (
                 SELECT lane FROM audit_lane WHERE lane = ANY($1) AND closed_at IS NULL ORDER BY lane FOR UPDATE SKIP LOCKED)`,
      },
      [lanes],
    );
    const rows = await rowsOf<{ lane: string }>(
      tx,
      { text: 'SELECT lane FROM audit_lane WHERE lane = ANY($1) AND closed_at IS NOT NULL' },
      [lanes],
    );
    return new Set(rows.map(({ lane }) => lane));
  }

  /** Closes open lanes whose lease ended, or all but `own` when no other process can live. At most 100. */
  async closeAbandoned(
    tx: Tx,
    options: { readonly own: readonly string[]; readonly alone: boolean },
  ): Promise<readonly ClosedLane[]> {
    const rows = await rowsOf<LaneRow>(
      tx,
      {
        text: `UPDATE audit_lane SET closed_at = now() WHERE lane IN (
                 SELECT lane FROM audit_lane WHERE closed_at IS NULL AND lane <> ALL($1) AND ($2 OR lease_until < now())
                  ORDER BY lane LIMIT 100 FOR UPDATE SKIP LOCKED)
               RETURNING lane, log_id, n, head_sha256, head_sha512, head_sha3`,
      },
      [options.own, options.alone],
    );
    return rows.map((row) => ({
      lane: row.lane,
      logId: row.log_id,
      n: Number(row.n),
      heads: { sha256: row.head_sha256, sha512: row.head_sha512, sha3: row.head_sha3 },
    }));
  }

  /** Closes a lane in the transaction that appended its last record. */
  async close(tx: Tx, lane: string): Promise<void> {
    await rowsOf(tx, { text: 'UPDATE audit_lane SET closed_at = now() WHERE lane = $1 AND closed_at IS NULL' }, [lane]);
  }
}
