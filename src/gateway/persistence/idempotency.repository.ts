import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

/** What is known of an earlier request with the same key. */
export interface KeptRequest {
  readonly fingerprint: Buffer;
  readonly requestId: string;
  readonly status: number | null;
  /** Sealed answer; null while the request runs. */
  readonly answer: Buffer | null;
}

interface Row {
  readonly fingerprint: Buffer;
  readonly request_id: string;
  readonly status: number | null;
  readonly answer: Buffer | null;
}

/** Rows of idempotency_record. */
@Injectable()
export class IdempotencyRepository {
  /** Claims the key for a request; the earlier owner when somebody holds it already and has not expired. */
  async claim(
    tx: Tx,
    claim: {
      readonly subject: string;
      readonly key: string;
      readonly fingerprint: Buffer;
      readonly requestId: string;
      readonly nowMs: number;
      readonly lifeMs: number;
    },
  ): Promise<KeptRequest | undefined> {
    const at = new Date(claim.nowMs);
    await rowsOf(tx, { text: 'DELETE FROM idempotency_record WHERE subject = $1 AND key = $2 AND expires_at <= $3' }, [
      claim.subject,
      claim.key,
      at,
    ]);
    const inserted = await rowsOf<{ key: string }>(
      tx,
      {
        text: `INSERT INTO idempotency_record (subject, key, fingerprint, request_id, opened_at, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING key`,
      },
      [claim.subject, claim.key, claim.fingerprint, claim.requestId, at, new Date(claim.nowMs + claim.lifeMs)],
    );
    if (inserted.length === 1) return undefined;
    const [row] = await rowsOf<Row>(
      tx,
      {
        text: 'SELECT fingerprint, request_id, status, answer FROM idempotency_record WHERE subject = $1 AND key = $2',
      },
      [claim.subject, claim.key],
    );
    if (row === undefined) throw new Error('An idempotency key vanished between two statements');
    return { fingerprint: row.fingerprint, requestId: row.request_id, status: row.status, answer: row.answer };
  }

  /** Keeps the sealed answer. */
  async keep(
    tx: Tx,
    kept: {
      readonly subject: string;
      readonly key: string;
      readonly requestId: string;
      readonly status: number;
      readonly answer: Buffer;
    },
  ): Promise<void> {
    await rowsOf(
      tx,
      {
        text: 'UPDATE idempotency_record SET status = $4, answer = $5 WHERE subject = $1 AND key = $2 AND request_id = $3',
      },
      [kept.subject, kept.key, kept.requestId, kept.status, kept.answer],
    );
  }

  /** Frees the key of a request that ended without an answer worth keeping. */
  async free(
    tx: Tx,
    claim: { readonly subject: string; readonly key: string; readonly requestId: string },
  ): Promise<void> {
    await rowsOf(tx, { text: 'DELETE FROM idempotency_record WHERE subject = $1 AND key = $2 AND request_id = $3' }, [
      claim.subject,
      claim.key,
      claim.requestId,
    ]);
  }

  /** Deletes what is past its life, at most 1 000 rows at once. */
  async deleteExpired(tx: Tx, nowMs: number): Promise<number> {
    const rows = await rowsOf<{ n: string }>(
      tx,
      {
        text: `WITH gone AS (DELETE FROM idempotency_record WHERE (subject, key) IN
                 (SELECT subject, key FROM idempotency_record WHERE expires_at <= $1 LIMIT 1000) RETURNING 1)
               SELECT count(*) AS n FROM gone`,
      },
      [new Date(nowMs)],
    );
    return Number(rows[0]?.n ?? 0);
  }
}
