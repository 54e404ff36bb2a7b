import { Injectable } from '@nestjs/common';

import { newestRows } from '../../platform/database/newest-first.js';
import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { ReportQuery } from '../domain/report-query.js';

/** States of a job. */
export type ReportState = 'QUEUED' | 'RUNNING' | 'DONE' | 'FAILED';

/** A file that is made, or was. */
export interface ReportJob {
  readonly id: string;
  readonly orgId: string;
  readonly query: ReportQuery;
  readonly state: ReportState;
  readonly unitsDone: number;
  readonly units: number;
  readonly rows: number;
  readonly bytes: number;
  /** How often it was taken up: whoever took it before may write no more. */
  readonly attempt: number;
  readonly manifest: Readonly<Record<string, unknown>> | null;
  readonly error: string | null;
  readonly requestedBy: string;
  readonly createdAtMs: number;
  readonly finishedAtMs: number | null;
  readonly expiresAtMs: number;
}

/** A job that nobody asked for yet. */
export interface NewReportJob extends Pick<
  ReportJob,
  'id' | 'orgId' | 'query' | 'units' | 'requestedBy' | 'createdAtMs' | 'expiresAtMs'
> {
  readonly idempotencyKey: string;
  readonly fingerprint: Buffer;
}

/** A piece of a file, compressed. */
export interface ReportChunk {
  readonly n: number;
  readonly unit: number;
  readonly rows: number;
  /** Where it begins in the uncompressed file. */
  readonly startsAt: number;
  /** Uncompressed length. */
  readonly bytes: number;
  readonly content: Buffer;
}

interface Row {
  readonly id: string;
  readonly org_id: string;
  readonly query: ReportQuery;
  readonly state: ReportState;
  readonly units_done: number;
  readonly units: number;
  readonly rows: string;
  readonly bytes: string;
  readonly attempts: number;
  readonly manifest: Record<string, unknown> | null;
  readonly error: string | null;
  readonly requested_by: string;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  readonly expires_at: Date;
}

const COLUMNS =
  'id, org_id, query, state, units_done, units, rows, bytes, attempts, manifest, error, requested_by, created_at, finished_at, expires_at';

const MINE = `id = $1 AND attempts = $2 AND state = 'RUNNING'`;

const fromRow = (row: Row): ReportJob => ({
  id: row.id,
  orgId: row.org_id,
  query: row.query,
  state: row.state,
  unitsDone: row.units_done,
  units: row.units,
  rows: Number(row.rows),
  bytes: Number(row.bytes),
  attempt: row.attempts,
  manifest: row.manifest,
  error: row.error,
  requestedBy: row.requested_by,
  createdAtMs: row.created_at.getTime(),
  finishedAtMs: row.finished_at?.getTime() ?? null,
  expiresAtMs: row.expires_at.getTime(),
});

/** Jobs and the pieces of their files. */
@Injectable()
export class ReportJobRepository {
  /** False: the key was used before; see {@link findByKey}. */
  async insert(tx: Tx, job: NewReportJob): Promise<boolean> {
    const rows = await rowsOf(
      tx,
      {
        text: `INSERT INTO report_job (id, org_id, kind, format, query, state, units, idempotency_key, fingerprint, requested_by,
                                       created_at, expires_at)
               VALUES ($1, $2, $3, $4, $5, 'QUEUED', $6, $7, $8, $9, $10, $11)
               ON CONFLICT ON CONSTRAINT report_job_idempotency DO NOTHING RETURNING id`,
      },
      [
        job.id,
        job.orgId,
        job.query.kind,
        job.query.format,
        JSON.stringify(job.query),
        job.units,
        job.idempotencyKey,
        job.fingerprint,
        job.requestedBy,
        new Date(job.createdAtMs),
        new Date(job.expiresAtMs),
      ],
    );
    return rows.length > 0;
  }

  async findByKey(
    tx: Tx,
    key: { readonly orgId: string; readonly requestedBy: string; readonly idempotencyKey: string },
  ): Promise<{ readonly job: ReportJob; readonly fingerprint: Buffer } | undefined> {
    const [row] = await rowsOf<Row & { fingerprint: Buffer }>(
      tx,
      {
        text: `SELECT ${COLUMNS}, fingerprint FROM report_job WHERE org_id = $1 AND requested_by = $2 AND idempotency_key = $3`,
      },
      [key.orgId, key.requestedBy, key.idempotencyKey],
    );
    return row === undefined ? undefined : { job: fromRow(row), fingerprint: row.fingerprint };
  }

  async find(tx: Tx, orgId: string, id: string): Promise<ReportJob | undefined> {
    const [row] = await rowsOf<Row>(tx, { text: `SELECT ${COLUMNS} FROM report_job WHERE org_id = $1 AND id = $2` }, [
      orgId,
      id,
    ]);
    return row === undefined ? undefined : fromRow(row);
  }

  /** Newest first, one more than `limit` when there are more. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly ReportJob[]> {
    const rows = await newestRows<Row>(tx, { table: 'report_job', columns: COLUMNS }, orgId, page);
    return rows.map(fromRow);
  }

  /** How many jobs of an organisation are not ended. */
  async countOpen(tx: Tx, orgId: string): Promise<number> {
    const [row] = await rowsOf<{ n: number }>(
      tx,
      { text: `SELECT count(*)::int AS n FROM report_job WHERE org_id = $1 AND state IN ('QUEUED', 'RUNNING')` },
      [orgId],
    );
    return row?.n ?? 0;
  }

  /** Takes the oldest job that nobody works on: new, or left by a process that died. What it did of an unfinished unit is gone. */
  async claim(tx: Tx, nowMs: number, leaseMs: number): Promise<ReportJob | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      {
        text: `UPDATE report_job SET state = 'RUNNING', lease_until = $2, attempts = attempts + 1
                WHERE id = (SELECT id FROM report_job WHERE state IN ('QUEUED', 'RUNNING') AND coalesce(lease_until, '-infinity') < $1
                             ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
               RETURNING ${COLUMNS}`,
      },
      [new Date(nowMs), new Date(nowMs + leaseMs)],
    );
    if (row === undefined) return undefined;
    await rowsOf(tx, { text: `DELETE FROM report_chunk WHERE job_id = $1 AND unit >= $2` }, [row.id, row.units_done]);
    return fromRow(row);
  }

  /** Adds a piece and keeps the job ours. False: somebody else took it up. */
  async insertChunk(tx: Tx, { id, attempt }: ReportJob, chunk: ReportChunk, leaseUntilMs: number): Promise<boolean> {
    const mine = await rowsOf(tx, { text: `UPDATE report_job SET lease_until = $3 WHERE ${MINE} RETURNING id` }, [
      id,
      attempt,
      new Date(leaseUntilMs),
    ]);
    if (mine.length === 0) return false;
    await rowsOf(
      tx,
      {
        text: `INSERT INTO report_chunk (job_id, n, unit, rows, starts_at, bytes, content) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      },
      [id, chunk.n, chunk.unit, chunk.rows, chunk.startsAt, chunk.bytes, chunk.content],
    );
    return true;
  }

  /** A unit is complete: from here on the job may be carried on by somebody else. False: somebody else took it up. */
  async finishUnit(
    tx: Tx,
    { id, attempt }: ReportJob,
    progress: { readonly unitsDone: number; readonly rows: number; readonly bytes: number },
    leaseUntilMs: number,
  ): Promise<boolean> {
    const mine = await rowsOf(
      tx,
      {
        text: `UPDATE report_job SET units_done = $3, rows = $4, bytes = $5, lease_until = $6 WHERE ${MINE} RETURNING id`,
      },
      [id, attempt, progress.unitsDone, progress.rows, progress.bytes, new Date(leaseUntilMs)],
    );
    return mine.length > 0;
  }

  async finish(tx: Tx, { id, attempt }: ReportJob, manifest: object, nowMs: number): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `UPDATE report_job SET state = 'DONE', manifest = $3, error = NULL, finished_at = $4, lease_until = NULL WHERE ${MINE}`,
      },
      [id, attempt, JSON.stringify(manifest), new Date(nowMs)],
    );
  }

  /** Gives a job back: whoever looks next takes it up. */
  async release(tx: Tx, { id, attempt }: ReportJob): Promise<void> {
    await rowsOf(tx, { text: `UPDATE report_job SET state = 'QUEUED', lease_until = NULL WHERE ${MINE}` }, [
      id,
      attempt,
    ]);
  }

  /** Ends a job for good after `maxAttempts`, or lets the next look try it again. */
  async fail(
    tx: Tx,
    { id, attempt }: ReportJob,
    error: string,
    limits: { readonly maxAttempts: number; readonly nowMs: number },
  ): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `UPDATE report_job SET state = CASE WHEN attempts >= $4 THEN 'FAILED' ELSE 'QUEUED' END, error = $3, lease_until = NULL,
                      finished_at = CASE WHEN attempts >= $4 THEN $5::timestamptz END
                WHERE ${MINE}`,
      },
      [id, attempt, error, limits.maxAttempts, new Date(limits.nowMs)],
    );
  }

  /** Pieces in order, from the one that holds the byte `fromByte` on; `limit` at a time. */
  async findChunks(
    tx: Tx,
    id: string,
    from: { readonly fromByte: number; readonly limit: number },
  ): Promise<readonly ReportChunk[]> {
    const rows = await rowsOf<{
      n: number;
      unit: number;
      rows: number;
      starts_at: string;
      bytes: number;
      content: Buffer;
    }>(
      tx,
      {
        text: `SELECT n, unit, rows, starts_at, bytes, content FROM report_chunk WHERE job_id = $1 AND starts_at + bytes > $2
                ORDER BY n LIMIT $3`,
      },
      [id, from.fromByte, from.limit],
    );
    return rows.map(({ starts_at, ...row }) => ({ ...row, startsAt: Number(starts_at) }));
  }

  /** Removes files whose time is over. */
  async deleteExpired(tx: Tx, nowMs: number): Promise<void> {
    await rowsOf(tx, { text: `DELETE FROM report_job WHERE expires_at < $1` }, [new Date(nowMs)]);
  }
}
