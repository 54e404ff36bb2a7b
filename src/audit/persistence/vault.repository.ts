import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { DisclosureClass } from '../domain/commitment.js';

/** For whom and when a data key encrypts. */
export interface DekScope {
  readonly logId: number;
  readonly class: DisclosureClass;
  /** Tag of the user or investigation: the key table holds no name. */
  readonly subjectTag: string;
  readonly quarter: string;
}

/** A data key, wrapped by its quarter's key-encryption key. */
export interface WrappedDek {
  readonly dekId: string;
  /** Nonce, ciphertext, tag. */
  readonly wrapped: Buffer;
  readonly quarter: string;
}

/** An encrypted body. */
export interface ContentRow {
  readonly id: string;
  readonly logId: number;
  readonly month: string;
  readonly dekId: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
}

/** Rows of audit_dek and audit_content. */
@Injectable()
export class VaultRepository {
  /** Keeps a data key unless the scope has one already; returns the one in force. */
  async putDek(tx: Tx, scope: DekScope, candidate: WrappedDek): Promise<WrappedDek> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO audit_dek (dek_id, log_id, class, subject_tag, quarter, wrapped) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (log_id, class, subject_tag, quarter) DO NOTHING`,
      },
      [candidate.dekId, scope.logId, scope.class, scope.subjectTag, scope.quarter, candidate.wrapped],
    );
    const [row] = await rowsOf<{ dek_id: string; wrapped: Buffer }>(
      tx,
      {
        text: `SELECT dek_id, wrapped FROM audit_dek WHERE log_id = $1 AND class = $2 AND subject_tag = $3 AND quarter = $4`,
      },
      [scope.logId, scope.class, scope.subjectTag, scope.quarter],
    );
    if (row === undefined) throw new Error('A data key vanished between two statements');
    return { dekId: row.dek_id, wrapped: row.wrapped, quarter: scope.quarter };
  }

  /** A data key by its id; undefined after an erasure. */
  async findDek(tx: Tx, dekId: string): Promise<WrappedDek | undefined> {
    const [row] = await rowsOf<{ dek_id: string; wrapped: Buffer; quarter: string }>(
      tx,
      { text: 'SELECT dek_id, wrapped, quarter FROM audit_dek WHERE dek_id = $1' },
      [dekId],
    );
    return row === undefined ? undefined : { dekId: row.dek_id, wrapped: row.wrapped, quarter: row.quarter };
  }

  /** A body by its id; `months`: first days of the months it can lie in. Undefined when it is not there. */
  async findContent(
    tx: Tx,
    place: { readonly logId: number; readonly months: readonly string[]; readonly id: string },
  ): Promise<Pick<ContentRow, 'dekId' | 'nonce' | 'sealed'> | undefined> {
    const [row] = await rowsOf<{ dek_id: string; nonce: Buffer; ct: Buffer }>(
      tx,
      {
        name: 'audit_content_find',
        text: 'SELECT dek_id, nonce, ct FROM audit_content WHERE log_id = $1 AND month = ANY($2::date[]) AND id = $3',
      },
      [place.logId, place.months, place.id],
    );
    return row === undefined ? undefined : { dekId: row.dek_id, nonce: row.nonce, sealed: row.ct };
  }

  /** Keeps bodies in the transaction of their records. */
  async insertContent(tx: Tx, rows: readonly ContentRow[]): Promise<void> {
    if (rows.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'audit_content_insert',
        text: `INSERT INTO audit_content (log_id, month, id, dek_id, media_type, bytes, nonce, ct)
               SELECT * FROM unnest($1::int[], $2::date[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::bytea[], $8::bytea[])`,
      },
      [
        rows.map(({ logId }) => logId),
        rows.map(({ month }) => month),
        rows.map(({ id }) => id),
        rows.map(({ dekId }) => dekId),
        rows.map(({ mediaType }) => mediaType),
        rows.map(({ bytes }) => bytes),
        rows.map(({ nonce }) => nonce),
        rows.map(({ sealed }) => sealed),
      ],
    );
  }
}
