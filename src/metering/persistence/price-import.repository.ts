import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { formatAmount, parseAmount } from '../../platform/money/index.js';
import type { ListedPrice } from '../domain/price-import.js';

/** A price list that was handed in. */
export interface PriceImport {
  readonly id: string;
  readonly orgId: string;
  readonly state: 'PROPOSED' | 'ACTIVATED' | 'DISCARDED';
  readonly note: string;
  readonly prices: readonly ListedPrice[];
  /** Of the prices as they are stored, lower-case hex. */
  readonly sha256: string;
  readonly proposedBy: string;
  readonly proposedAtMs: number;
  readonly decidedBy: string | null;
  readonly decidedAtMs: number | null;
}

interface Row {
  readonly id: string;
  readonly org_id: string;
  readonly state: PriceImport['state'];
  readonly note: string;
  readonly prices: readonly (Omit<ListedPrice, 'amount'> & { readonly amount: string })[];
  readonly sha256: string;
  readonly proposed_by: string;
  readonly proposed_at: Date;
  readonly decided_by: string | null;
  readonly decided_at: Date | null;
}

const COLUMNS = `id, org_id, state, note, prices, encode(sha256, 'hex') AS sha256, proposed_by, proposed_at, decided_by, decided_at`;

const fromRow = (row: Row): PriceImport => ({
  id: row.id,
  orgId: row.org_id,
  state: row.state,
  note: row.note,
  prices: row.prices.map((price) => ({ ...price, amount: parseAmount(price.amount) })),
  sha256: row.sha256,
  proposedBy: row.proposed_by,
  proposedAtMs: row.proposed_at.getTime(),
  decidedBy: row.decided_by,
  decidedAtMs: row.decided_at?.getTime() ?? null,
});

/** The text a list is stored and hashed as. */
export function pricesText(prices: readonly ListedPrice[]): string {
  return JSON.stringify(prices.map((price) => ({ ...price, amount: formatAmount(price.amount) })));
}

/** Rows of price_import. */
@Injectable()
export class PriceImportRepository {
  async insert(tx: Tx, one: PriceImport): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO price_import (id, org_id, state, note, prices, count, sha256, proposed_by, proposed_at)
               VALUES ($1, $2, 'PROPOSED', $3, $4, $5, decode($6, 'hex'), $7, $8)`,
      },
      [
        one.id,
        one.orgId,
        one.note,
        pricesText(one.prices),
        one.prices.length,
        one.sha256,
        one.proposedBy,
        new Date(one.proposedAtMs),
      ],
    );
  }

  /** `lock`: nobody else decides it before the transaction ends. */
  async find(tx: Tx, orgId: string, id: string, lock = false): Promise<PriceImport | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      { text: `SELECT ${COLUMNS} FROM price_import WHERE org_id = $1 AND id = $2 ${lock ? 'FOR UPDATE' : ''}` },
      [orgId, id],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Newest first, one more than `limit` when there are more. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly PriceImport[]> {
    const rows = await rowsOf<Row>(
      tx,
      {
        text: `SELECT ${COLUMNS} FROM price_import
                WHERE org_id = $1 AND ($2::timestamptz IS NULL OR (proposed_at, id) < ($2, $3::uuid))
                ORDER BY proposed_at DESC, id DESC LIMIT $4`,
      },
      [
        orgId,
        page.after === undefined ? null : new Date(Number(page.after.key)),
        page.after?.id ?? null,
        page.limit + 1,
      ],
    );
    return rows.map(fromRow);
  }

  async decide(
    tx: Tx,
    id: string,
    decision: { readonly state: 'ACTIVATED' | 'DISCARDED'; readonly userId: string; readonly atMs: number },
  ): Promise<void> {
    await rowsOf(tx, { text: 'UPDATE price_import SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1' }, [
      id,
      decision.state,
      decision.userId,
      new Date(decision.atMs),
    ]);
  }
}
