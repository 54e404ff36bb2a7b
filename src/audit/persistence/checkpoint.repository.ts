import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { SealedLane } from '../domain/seal.js';

/** A signed checkpoint as it was made. */
export interface StoredCheckpoint {
  readonly size: number;
  readonly note: string;
  readonly atMs: number;
}

/** A signed seal. */
export interface StoredSeal extends StoredCheckpoint {
  readonly no: number;
}

interface Row {
  readonly no: string;
  readonly size: string;
  readonly note: string;
  readonly at: Date;
}

const fromRow = ({ no, size, note, at }: Row): StoredSeal => ({
  no: Number(no),
  size: Number(size),
  note,
  atMs: at.getTime(),
});

/** Rows of audit_checkpoint and audit_seal: what the log has signed. */
@Injectable()
export class CheckpointRepository {
  /** The newest checkpoint of every log. */
  async findNewestOfAll(tx: Tx): Promise<readonly (StoredCheckpoint & { readonly logId: number })[]> {
    const rows = await rowsOf<Row & { log_id: number }>(tx, {
      text: `SELECT l.log_id, 0 AS no, c.size, c.note, c.at FROM audit_log l, LATERAL (
               SELECT size, note, at FROM audit_checkpoint WHERE log_id = l.log_id ORDER BY size DESC LIMIT 1) c`,
    });
    return rows.map((row) => ({ ...fromRow(row), logId: row.log_id }));
  }

  /** The newest checkpoint, or the newest of at most `size`. */
  async findNewest(tx: Tx, logId: number, size?: number): Promise<StoredCheckpoint | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      {
        text: `SELECT 0 AS no, size, note, at FROM audit_checkpoint
                WHERE log_id = $1 AND ($2::bigint IS NULL OR size <= $2) ORDER BY size DESC LIMIT 1`,
      },
      [logId, size ?? null],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** The newest checkpoint that was signed before an instant. */
  async findBefore(tx: Tx, logId: number, atMs: number): Promise<StoredCheckpoint | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      {
        text: `SELECT 0 AS no, size, note, at FROM audit_checkpoint WHERE log_id = $1 AND at < $2 ORDER BY size DESC LIMIT 1`,
      },
      [logId, new Date(atMs)],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** The oldest checkpoint that was signed at or after an instant. */
  async findFrom(tx: Tx, logId: number, atMs: number): Promise<StoredCheckpoint | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      {
        text: `SELECT 0 AS no, size, note, at FROM audit_checkpoint WHERE log_id = $1 AND at >= $2 ORDER BY size LIMIT 1`,
      },
      [logId, new Date(atMs)],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Checkpoints by size from `from` on, in order. */
  async findPage(
    tx: Tx,
    { logId, from, limit }: { readonly logId: number; readonly from: number; readonly limit: number },
  ): Promise<readonly StoredCheckpoint[]> {
    const rows = await rowsOf<Row>(
      tx,
      {
        text: `SELECT 0 AS no, size, note, at FROM audit_checkpoint WHERE log_id = $1 AND size >= $2 ORDER BY size LIMIT $3`,
      },
      [logId, from, limit],
    );
    return rows.map(fromRow);
  }

  /** Adds a checkpoint; one of that size stays as it is. */
  async insert(tx: Tx, logId: number, { size, note, atMs }: StoredCheckpoint): Promise<void> {
    await rowsOf(
      tx,
      { text: `INSERT INTO audit_checkpoint (log_id, size, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING` },
      [logId, size, note, new Date(atMs)],
    );
  }

  async findNewestSeal(tx: Tx, logId: number): Promise<StoredSeal | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      { text: 'SELECT no, size, note, at FROM audit_seal WHERE log_id = $1 ORDER BY no DESC LIMIT 1' },
      [logId],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Seals by number from `from` on, in order. */
  async findSeals(
    tx: Tx,
    { logId, from, limit }: { readonly logId: number; readonly from: number; readonly limit: number },
  ): Promise<readonly StoredSeal[]> {
    const rows = await rowsOf<Row>(
      tx,
      { text: 'SELECT no, size, note, at FROM audit_seal WHERE log_id = $1 AND no >= $2 ORDER BY no LIMIT $3' },
      [logId, from, limit],
    );
    return rows.map(fromRow);
  }

  /** Seals over the tree's sizes after `from`, at most `to`, in order, from number `no` on. */
  async findSealsOf(
    tx: Tx,
    { logId, no, from, to, limit }: { logId: number; no: number; from: number; to: number; limit: number },
  ): Promise<readonly StoredSeal[]> {
    const rows = await rowsOf<Row>(
      tx,
      {
        text: `SELECT no, size, note, at FROM audit_seal
                WHERE log_id = $1 AND no >= $2 AND size > $3 AND size <= $4 ORDER BY no LIMIT $5`,
      },
      [logId, no, from, to, limit],
    );
    return rows.map(fromRow);
  }

  async insertSeal(tx: Tx, logId: number, { no, size, note, atMs }: StoredSeal): Promise<void> {
    await rowsOf(tx, { text: 'INSERT INTO audit_seal (log_id, no, size, note, at) VALUES ($1, $2, $3, $4, $5)' }, [
      logId,
      no,
      size,
      note,
      new Date(atMs),
    ]);
  }

  /** Lanes that the next seal names: those that were open when the last one was made or moved since. */
  async findUnsealedLanes(tx: Tx, logId: number): Promise<readonly SealedLane[]> {
    const rows = await rowsOf<{
      lane: string;
      n: string;
      head_sha256: string;
      head_sha512: string;
      head_sha3: string;
    }>(
      tx,
      {
        text: `SELECT lane, n, head_sha256, head_sha512, head_sha3 FROM audit_lane_cursor
                WHERE log_id = $1 AND NOT sealed ORDER BY lane`,
      },
      [logId],
    );
    return rows.map((row) => ({
      lane: row.lane,
      n: Number(row.n),
      heads: { sha256: row.head_sha256, sha512: row.head_sha512, sha3: row.head_sha3 },
    }));
  }

  /** Lanes that are closed and stand in a seal to their end need no other. */
  async markSealed(tx: Tx, logId: number): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `UPDATE audit_lane_cursor c SET sealed = true FROM audit_lane l
                WHERE c.log_id = $1 AND NOT c.sealed AND l.lane = c.lane AND l.closed_at IS NOT NULL AND l.n = c.n`,
      },
      [logId],
    );
  }
}
