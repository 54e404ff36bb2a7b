import { Injectable } from '@nestjs/common';

import { newestRows } from '../../platform/database/newest-first.js';
import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { formatAmount, parseAmount, type PicoUsd } from '../../platform/money/index.js';
import type { InvoiceLine } from '../domain/invoice.js';
import type { TheirCell } from '../domain/reconcile.js';

/** An imported invoice without its lines. */
export interface Invoice {
  readonly id: string;
  readonly orgId: string;
  readonly provider: string;
  readonly number: string;
  readonly currency: string;
  readonly fromDay: string;
  readonly toDay: string;
  readonly lines: number;
  /** Σ of usage lines. */
  readonly total: PicoUsd;
  /** Σ of credits and taxes. */
  readonly otherTotal: PicoUsd;
  /** Of the lines as they were imported, lower-case hex. */
  readonly sha256: string;
  readonly importedBy: string;
  readonly createdAtMs: number;
}

interface Row {
  readonly id: string;
  readonly org_id: string;
  readonly provider: string;
  readonly number: string;
  readonly currency: string;
  readonly from_day: string;
  readonly to_day: string;
  readonly lines: number;
  readonly total: string;
  readonly other_total: string;
  readonly sha256: string;
  readonly imported_by: string;
  readonly created_at: Date;
}

const COLUMNS = `id, org_id, provider, number, currency, to_char(from_day, 'YYYY-MM-DD') AS from_day,
  to_char(to_day, 'YYYY-MM-DD') AS to_day, lines, total, other_total, encode(sha256, 'hex') AS sha256, imported_by, created_at`;

const fromRow = (row: Row): Invoice => ({
  id: row.id,
  orgId: row.org_id,
  provider: row.provider,
  number: row.number,
  currency: row.currency,
  fromDay: row.from_day,
  toDay: row.to_day,
  lines: row.lines,
  total: parseAmount(row.total),
  otherTotal: parseAmount(row.other_total),
  sha256: row.sha256,
  importedBy: row.imported_by,
  createdAtMs: row.created_at.getTime(),
});

/** Invoices of partners; rows are only added. */
@Injectable()
export class InvoiceRepository {
  /** False: the provider's invoice of that number is there already. */
  async insert(tx: Tx, invoice: Invoice, lines: readonly InvoiceLine[]): Promise<boolean> {
    const made = await rowsOf(
      tx,
      {
        text: `INSERT INTO invoice (id, org_id, provider, number, currency, from_day, to_day, lines, total, other_total, sha256, imported_by,
                                    created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, decode($11, 'hex'), $12, $13)
               ON CONFLICT ON CONSTRAINT invoice_number DO NOTHING RETURNING id`,
      },
      [
        invoice.id,
        invoice.orgId,
        invoice.provider,
        invoice.number,
        invoice.currency,
        invoice.fromDay,
        invoice.toDay,
        lines.length,
        formatAmount(invoice.total),
        formatAmount(invoice.otherTotal),
        invoice.sha256,
        invoice.importedBy,
        new Date(invoice.createdAtMs),
      ],
    );
    if (made.length === 0) return false;
    await rowsOf(
      tx,
      {
        text: `INSERT INTO invoice_line (invoice_id, n, kind, credential, day, model, meter, quantity, amount)
               SELECT $1, row_number() OVER (), * FROM unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::text[], $7::numeric[],
                 $8::numeric[])`,
      },
      [
        invoice.id,
        lines.map(({ kind }) => kind),
        lines.map(({ credential }) => credential),
        lines.map(({ day }) => day),
        lines.map(({ model }) => model),
        lines.map(({ meter }) => meter),
        lines.map(({ quantity }) => quantity),
        lines.map(({ amount }) => formatAmount(amount)),
      ],
    );
    return true;
  }

  async find(tx: Tx, orgId: string, id: string): Promise<Invoice | undefined> {
    const [row] = await rowsOf<Row>(tx, { text: `SELECT ${COLUMNS} FROM invoice WHERE org_id = $1 AND id = $2` }, [
      orgId,
      id,
    ]);
    return row === undefined ? undefined : fromRow(row);
  }

  async findByNumber(tx: Tx, orgId: string, provider: string, number: string): Promise<Invoice | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      { text: `SELECT ${COLUMNS} FROM invoice WHERE org_id = $1 AND provider = $2 AND number = $3` },
      [orgId, provider, number],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Newest first, one more than `limit` when there are more. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Invoice[]> {
    const rows = await newestRows<Row>(tx, { table: 'invoice', columns: COLUMNS }, orgId, page);
    return rows.map(fromRow);
  }

  /** Its usage lines, as cells. */
  async findCells(tx: Tx, id: string): Promise<readonly TheirCell[]> {
    const rows = await rowsOf<{
      day: string;
      credential: string | null;
      model: string;
      meter: string | null;
      quantity: string | null;
      amount: string;
    }>(
      tx,
      {
        text: `SELECT to_char(day, 'YYYY-MM-DD') AS day, credential, model, meter, quantity, amount FROM invoice_line
                WHERE invoice_id = $1 AND kind = 'USAGE' ORDER BY n`,
      },
      [id],
    );
    return rows.map((row) => ({ ...row, amount: parseAmount(row.amount) }));
  }
}
