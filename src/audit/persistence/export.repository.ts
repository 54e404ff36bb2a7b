import { Injectable } from '@nestjs/common';

import { newestRows } from '../../platform/database/newest-first.js';
import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { BundleMode } from '../domain/bundle.js';

/** What was ordered. */
export interface ExportWish {
  /** Investigation whose disclosures are opened; null: none, all records of the organisation. */
  readonly investigation: string | null;
  readonly mode: BundleMode;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly recipient: string;
  readonly reason: string;
  readonly legalBasis: string | null;
}

/** A bundle that is made, or was. */
export interface ExportJob {
  readonly id: string;
  readonly orgId: string;
  readonly requestedBy: string;
  readonly wish: ExportWish;
  readonly state: 'QUEUED' | 'RUNNING' | 'DONE' | 'FAILED';
  /** Records that are written, of how many. */
  readonly done: number;
  readonly total: number;
  /** Length of the zip file. */
  readonly bytes: number;
  readonly attempt: number;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  readonly createdAtMs: number;
  readonly finishedAtMs: number | null;
  readonly releasedAtMs: number | null;
  readonly expiresAtMs: number;
}

/** A piece of a zip file. */
export interface ExportChunk {
  readonly n: number;
  readonly startsAt: number;
  readonly content: Buffer;
}

interface Row {
  readonly id: string;
  readonly org_id: string;
  readonly requested_by: string;
  readonly wish: ExportWish;
  readonly state: ExportJob['state'];
  readonly done: string;
  readonly total: string;
  readonly bytes: string;
  readonly attempts: number;
  readonly result: Record<string, unknown> | null;
  readonly error: string | null;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  readonly released_at: Date | null;
  readonly expires_at: Date;
}

const COLUMNS = `id, org_id, requested_by, wish, state, done, total, bytes, attempts, result, error, created_at, finished_at,
  released_at, expires_at`;
const MINE = `id = $1 AND attempts = $2 AND state = 'RUNNING'`;

const fromRow = (row: Row): ExportJob => ({
  id: row.id,
  orgId: row.org_id,
  requestedBy: row.requested_by,
  wish: row.wish,
  state: row.state,
  done: Number(row.done),
  total: Number(row.total),
  bytes: Number(row.bytes),
  attempt: row.attempts,
  result: row.result,
  error: row.error,
  createdAtMs: row.created_at.getTime(),
  finishedAtMs: row.finished_at?.getTime() ?? null,
  releasedAtMs: row.released_at?.getTime() ?? null,
  expiresAtMs: row.expires_at.getTime(),
});

/** Rows of audit_export and audit_export_chunk. */
@Injectable()
export class ExportRepository {
  /** Adds an order unless its key was used; returns the order in force with its fingerprint, and whether it is new. */
  async insert(
    tx: Tx,
    order: Pick<ExportJob, 'id' | 'orgId' | 'requestedBy' | 'wish' | 'createdAtMs' | 'expiresAtMs'> & {
      readonly idempotencyKey: string;
      readonly fingerprint: Buffer;
    },
  ): Promise<{ readonly job: ExportJob; readonly fingerprint: Buffer; readonly isNew: boolean }> {
    const inserted = await rowsOf(
      tx,
      {
        text: `INSERT INTO audit_export (id, org_id, requested_by, idempotency_key, fingerprint, wish, state, created_at, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6, 'QUEUED', $7, $8)
               ON CONFLICT ON CONSTRAINT audit_export_idempotency DO NOTHING RETURNING id`,
      },
      [
        order.id,
        order.orgId,
        order.requestedBy,
        order.idempotencyKey,
        order.fingerprint,
        JSON.stringify(order.wish),
        new Date(order.createdAtMs),
        new Date(order.expiresAtMs),
      ],
    );
    const [row] = await rowsOf<Row & { fingerprint: Buffer }>(
      tx,
      {
        text: `SELECT ${COLUMNS}, fingerprint FROM audit_export WHERE org_id = $1 AND requested_by = $2 AND idempotency_key = $3`,
      },
      [order.orgId, order.requestedBy, order.idempotencyKey],
    );
    if (row === undefined) throw new Error('The order was just written');
    return { job: fromRow(row), fingerprint: row.fingerprint, isNew: inserted.length > 0 };
  }

  async find(tx: Tx, orgId: string, id: string): Promise<ExportJob | undefined> {
    const [row] = await rowsOf<Row>(tx, { text: `SELECT ${COLUMNS} FROM audit_export WHERE org_id = $1 AND id = $2` }, [
      orgId,
      id,
    ]);
    return row === undefined ? undefined : fromRow(row);
  }

  /** Newest first, one more than `limit` when there are more. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: { readonly key: string; readonly id: string } | undefined; readonly limit: number },
  ): Promise<readonly ExportJob[]> {
    const rows = await newestRows<Row>(tx, { table: 'audit_export', columns: COLUMNS }, orgId, page);
    return rows.map(fromRow);
  }

  /** How many bundles of an organisation wait or are made. */
  async countOpen(tx: Tx, orgId: string): Promise<number> {
    const [row] = await rowsOf<{ n: number }>(
      tx,
      { text: `SELECT count(*)::int AS n FROM audit_export WHERE org_id = $1 AND state IN ('QUEUED', 'RUNNING')` },
      [orgId],
    );
    return row?.n ?? 0;
  }

  /** Takes the oldest order that nobody works on: new, or left by a process that died. What that one wrote is removed. */
  async claim(tx: Tx, nowMs: number, leaseMs: number): Promise<ExportJob | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      {
        text: `UPDATE audit_export SET state = 'RUNNING', lease_until = $2, attempts = attempts + 1, done = 0, bytes = 0
                WHERE id = (SELECT id FROM audit_export
                             WHERE state IN ('QUEUED', 'RUNNING') AND coalesce(lease_until, '-infinity') < $1
                             ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
               RETURNING ${COLUMNS}`,
      },
      [new Date(nowMs), new Date(nowMs + leaseMs)],
    );
    if (row === undefined) return undefined;
    await rowsOf(tx, { text: 'DELETE FROM audit_export_chunk WHERE export_id = $1' }, [row.id]);
    return fromRow(row);
  }

  /** Says how far an order is and keeps it ours; false: somebody else took it up. */
  async progress(
    tx: Tx,
    { id, attempt }: Pick<ExportJob, 'id' | 'attempt'>,
    { done, total, leaseUntilMs }: { readonly done: number; readonly total: number; readonly leaseUntilMs: number },
  ): Promise<boolean> {
    const mine = await rowsOf(
      tx,
      { text: `UPDATE audit_export SET done = $3, total = $4, lease_until = $5 WHERE ${MINE} RETURNING id` },
      [id, attempt, done, total, new Date(leaseUntilMs)],
    );
    return mine.length > 0;
  }

  /** Adds a piece of the zip file; false: somebody else took the order up. */
  async insertChunk(
    tx: Tx,
    { id, attempt }: Pick<ExportJob, 'id' | 'attempt'>,
    chunk: ExportChunk,
    leaseUntilMs: number,
  ): Promise<boolean> {
    const mine = await rowsOf(
      tx,
      { text: `UPDATE audit_export SET bytes = $3, lease_until = $4 WHERE ${MINE} RETURNING id` },
      [id, attempt, chunk.startsAt + chunk.content.length, new Date(leaseUntilMs)],
    );
    if (mine.length === 0) return false;
    await rowsOf(
      tx,
      { text: 'INSERT INTO audit_export_chunk (export_id, n, starts_at, bytes, content) VALUES ($1, $2, $3, $4, $5)' },
      [id, chunk.n, chunk.startsAt, chunk.content.length, chunk.content],
    );
    return true;
  }

  async finish(tx: Tx, { id, attempt }: ExportJob, result: object, nowMs: number): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `UPDATE audit_export SET state = 'DONE', done = total, result = $3, error = NULL, finished_at = $4, lease_until = NULL
                WHERE ${MINE}`,
      },
      [id, attempt, JSON.stringify(result), new Date(nowMs)],
    );
  }

  /** Ends an order for good after `maxAttempts`, or lets the next look try it again. */
  async fail(
    tx: Tx,
    { id, attempt }: ExportJob,
    error: string,
    limits: { readonly maxAttempts: number; readonly nowMs: number },
  ): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `UPDATE audit_export SET state = CASE WHEN attempts >= $4 THEN 'FAILED' ELSE 'QUEUED' END, error = $3,
                      lease_until = $5, finished_at = CASE WHEN attempts >= $4 THEN $5::timestamptz END
                WHERE ${MINE}`,
      },
      [id, attempt, error, limits.maxAttempts, new Date(limits.nowMs)],
    );
  }

  /** Notes the first release. */
  async release(tx: Tx, id: string, nowMs: number): Promise<void> {
    await rowsOf(tx, { text: 'UPDATE audit_export SET released_at = coalesce(released_at, $2) WHERE id = $1' }, [
      id,
      new Date(nowMs),
    ]);
  }

  /** The piece that holds a byte. */
  async findChunk(tx: Tx, id: string, fromByte: number): Promise<ExportChunk | undefined> {
    const [row] = await rowsOf<{ n: number; starts_at: string; content: Buffer }>(
      tx,
      {
        text: `SELECT n, starts_at, content FROM audit_export_chunk WHERE export_id = $1 AND starts_at + bytes > $2 ORDER BY n LIMIT 1`,
      },
      [id, fromByte],
    );
    return row === undefined ? undefined : { n: row.n, startsAt: Number(row.starts_at), content: row.content };
  }

  /** Removes bundles whose time is over. */
  async deleteExpired(tx: Tx, nowMs: number): Promise<void> {
    await rowsOf(tx, { text: 'DELETE FROM audit_export WHERE expires_at < $1' }, [new Date(nowMs)]);
  }
}
