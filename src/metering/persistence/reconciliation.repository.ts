import { Injectable } from '@nestjs/common';

import { newestRows } from '../../platform/database/newest-first.js';
import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { formatAmount, parseAmount, type PicoUsd } from '../../platform/money/index.js';
import type { ReconciledCell, Verdict } from '../domain/reconcile.js';

/** States of a reconciliation; only forward. */
export type ReconciliationState = 'OPEN' | 'PROPOSED' | 'POSTED';

/** A comparison of an invoice with our records, without its cells. */
export interface Reconciliation {
  readonly id: string;
  readonly orgId: string;
  readonly invoiceId: string;
  readonly state: ReconciliationState;
  readonly ours: PicoUsd;
  readonly theirs: PicoUsd;
  readonly cells: number;
  readonly version: number;
  readonly madeBy: string;
  readonly verdicts: readonly Verdict[] | null;
  readonly proposedBy: string | null;
  readonly reason: string | null;
  readonly postedBy: string | null;
  readonly postedAtMs: number | null;
  readonly postedAmount: PicoUsd | null;
  readonly createdAtMs: number;
}

interface Row {
  readonly id: string;
  readonly org_id: string;
  readonly invoice_id: string;
  readonly state: ReconciliationState;
  readonly ours: string;
  readonly theirs: string;
  readonly cells: number;
  readonly version: number;
  readonly made_by: string;
  readonly verdicts: Verdict[] | null;
  readonly proposed_by: string | null;
  readonly reason: string | null;
  readonly posted_by: string | null;
  readonly posted_at: Date | null;
  readonly posted_amount: string | null;
  readonly created_at: Date;
}

const COLUMNS = `id, org_id, invoice_id, state, ours, theirs, cells, version, made_by, verdicts, proposed_by, reason, posted_by, posted_at,
  posted_amount, created_at`;

const fromRow = (row: Row): Reconciliation => ({
  id: row.id,
  orgId: row.org_id,
  invoiceId: row.invoice_id,
  state: row.state,
  ours: parseAmount(row.ours),
  theirs: parseAmount(row.theirs),
  cells: row.cells,
  version: row.version,
  madeBy: row.made_by,
  verdicts: row.verdicts,
  proposedBy: row.proposed_by,
  reason: row.reason,
  postedBy: row.posted_by,
  postedAtMs: row.posted_at?.getTime() ?? null,
  postedAmount: row.posted_amount === null ? null : parseAmount(row.posted_amount),
  createdAtMs: row.created_at.getTime(),
});

interface CellRow {
  readonly n: number;
  readonly day: string;
  readonly credential: string | null;
  readonly model: string;
  readonly meter: string | null;
  readonly verdict: Verdict;
  readonly ours: string;
  readonly theirs: string;
  readonly our_quantity: string | null;
  readonly their_quantity: string | null;
  readonly unconfirmed: string;
  readonly counted: string;
  readonly assumed: string;
}

const CELL_COLUMNS = `n, to_char(day, 'YYYY-MM-DD') AS day, credential, model, meter, verdict, ours, theirs, our_quantity, their_quantity,
  unconfirmed, counted, assumed`;

const toCell = (row: CellRow): ReconciledCell & { readonly n: number } => ({
  n: row.n,
  day: row.day,
  credential: row.credential,
  model: row.model,
  meter: row.meter,
  verdict: row.verdict,
  ours: parseAmount(row.ours),
  theirs: parseAmount(row.theirs),
  ourQuantity: row.our_quantity === null ? null : BigInt(row.our_quantity.split('.')[0] ?? '0'),
  theirQuantity: row.their_quantity,
  unconfirmed: parseAmount(row.unconfirmed),
  counted: parseAmount(row.counted),
  assumed: parseAmount(row.assumed),
});

/** Reconciliations and their cells. */
@Injectable()
export class ReconciliationRepository {
  async insert(tx: Tx, one: Reconciliation, cells: readonly ReconciledCell[]): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO reconciliation (id, org_id, invoice_id, state, ours, theirs, cells, version, made_by, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      },
      [
        one.id,
        one.orgId,
        one.invoiceId,
        one.state,
        formatAmount(one.ours),
        formatAmount(one.theirs),
        cells.length,
        one.version,
        one.madeBy,
        new Date(one.createdAtMs),
      ],
    );
    await rowsOf(
      tx,
      {
        text: `INSERT INTO reconciliation_cell (reconciliation_id, n, day, credential, model, meter, verdict, ours, theirs, our_quantity,
                                                their_quantity, unconfirmed, counted, assumed)
               SELECT $1, row_number() OVER (), * FROM unnest($2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[],
                 $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[])`,
      },
      [
        one.id,
        cells.map(({ day }) => day),
        cells.map(({ credential }) => credential),
        cells.map(({ model }) => model),
        cells.map(({ meter }) => meter),
        cells.map(({ verdict }) => verdict),
        cells.map(({ ours }) => formatAmount(ours)),
        cells.map(({ theirs }) => formatAmount(theirs)),
        cells.map(({ ourQuantity }) => (ourQuantity === null ? null : String(ourQuantity))),
        cells.map(({ theirQuantity }) => theirQuantity),
        cells.map(({ unconfirmed }) => formatAmount(unconfirmed)),
        cells.map(({ counted }) => formatAmount(counted)),
        cells.map(({ assumed }) => formatAmount(assumed)),
      ],
    );
  }

  /** `forUpdate`: nobody changes it until the transaction ends. */
  async find(tx: Tx, orgId: string, id: string, forUpdate = false): Promise<Reconciliation | undefined> {
    const lock = forUpdate ? 'FOR UPDATE' : '';
    const [row] = await rowsOf<Row>(
      tx,
      { text: `SELECT ${COLUMNS} FROM reconciliation WHERE org_id = $1 AND id = $2 ${lock}` },
      [orgId, id],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Newest first, one more than `limit` when there are more. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Reconciliation[]> {
    const rows = await newestRows<Row>(tx, { table: 'reconciliation', columns: COLUMNS }, orgId, page);
    return rows.map(fromRow);
  }

  /** Whether another reconciliation of the invoice is proposed or posted. */
  async hasOther(tx: Tx, { invoiceId, id }: Reconciliation): Promise<boolean> {
    const rows = await rowsOf(
      tx,
      { text: `SELECT FROM reconciliation WHERE invoice_id = $1 AND id <> $2 AND state <> 'OPEN' LIMIT 1` },
      [invoiceId, id],
    );
    return rows.length > 0;
  }

  /** Cells after number `after`; one more than `limit` when there are more. */
  async findCells(
    tx: Tx,
    id: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly (ReconciledCell & { readonly n: number })[]> {
    const rows = await rowsOf<CellRow>(
      tx,
      {
        text: `SELECT ${CELL_COLUMNS} FROM reconciliation_cell WHERE reconciliation_id = $1 AND n > $2 ORDER BY n LIMIT $3`,
      },
      [id, page.after, page.limit + 1],
    );
    return rows.map(toCell);
  }

  async propose(
    tx: Tx,
    id: string,
    by: { readonly userId: string; readonly reason: string; readonly verdicts: readonly Verdict[] },
  ): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `UPDATE reconciliation SET state = 'PROPOSED', proposed_by = $2, reason = $3, verdicts = $4, version = version + 1
                WHERE id = $1 AND state = 'OPEN'`,
      },
      [id, by.userId, by.reason, by.verdicts],
    );
  }

  async post(
    tx: Tx,
    id: string,
    by: { readonly userId: string; readonly amount: PicoUsd; readonly atMs: number },
  ): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `UPDATE reconciliation SET state = 'POSTED', posted_by = $2, posted_amount = $3, posted_at = $4, version = version + 1
                WHERE id = $1 AND state = 'PROPOSED'`,
      },
      [id, by.userId, formatAmount(by.amount), new Date(by.atMs)],
    );
  }
}
