import { AppError } from '../../platform/errors/index.js';
import { parseAmount, type PicoUsd } from '../../platform/money/index.js';
import { readCsv } from './csv.js';

/** One line of a partner's invoice. Credits and taxes stay with the invoice: no usage stands behind them. */
export interface InvoiceLine {
  readonly kind: 'USAGE' | 'CREDIT' | 'TAX';
  readonly credential: string | null;
  /** `2026-11-22`; of usage always set. */
  readonly day: string | null;
  /** As the partner calls it; of usage always set. */
  readonly model: string | null;
  readonly meter: string | null;
  /** Decimal, at most six places. */
  readonly quantity: string | null;
  readonly amount: PicoUsd;
}

/** What an imported invoice says. */
export interface InvoiceDraft {
  /** Our name of the provider. */
  readonly provider: string;
  readonly number: string;
  readonly currency: string;
  /** First and last day the invoice covers, inclusive, UTC. */
  readonly fromDay: string;
  readonly toDay: string;
  readonly lines: readonly InvoiceLine[];
}

const COLUMNS = ['kind', 'credential', 'day', 'model', 'meter', 'quantity', 'amount'] as const;
const DAY = /^\d{4}-\d\d-\d\d$/;
const QUANTITY = /^\d{1,22}(\.\d{1,6})?$/;

/** Reads lines from CSV with a header of {@link COLUMNS} (any order, `kind` may be left out: USAGE). Attacker-controlled.
 *  @throws AppError invalid_value — names the line; nothing is ever read as 0 */
export function readInvoiceCsv(text: string, maxLines: number): readonly InvoiceLine[] {
  return readCsv(text, { columns: COLUMNS, required: 'amount', maxRecords: maxLines, wrong }).map(({ cells, line }) =>
    toLine(cells, line),
  );
}

/** One line from members as text; empty ones are absent. @throws AppError invalid_value */
export function toLine(cells: Readonly<Record<string, string>>, at: number): InvoiceLine {
  const of = (name: string): string | null => (cells[name] ?? '') || null;
  const kind = of('kind') ?? 'USAGE';
  if (kind !== 'USAGE' && kind !== 'CREDIT' && kind !== 'TAX') throw wrong(at, 'kind is USAGE, CREDIT or TAX');
  const [day, model, quantity] = [of('day'), of('model'), of('quantity')];
  if (kind === 'USAGE' && (day === null || model === null)) throw wrong(at, 'usage names its day and model');
  if (!isDay(day)) throw wrong(at, 'day is YYYY-MM-DD');
  if (quantity !== null && !QUANTITY.test(quantity)) throw wrong(at, 'quantity is a decimal ≥ 0 of at most six places');
  return {
    kind,
    credential: of('credential'),
    day,
    model,
    meter: of('meter'),
    quantity,
    amount: readAmount(of('amount'), at),
  };
}

const isDay = (day: string | null): boolean => day === null || (DAY.test(day) && !Number.isNaN(Date.parse(day)));

function readAmount(text: string | null, at: number): PicoUsd {
  try {
    return parseAmount(text ?? '');
  } catch {
    throw wrong(at, 'amount is a decimal of at most 12 places');
  }
}

const wrong = (at: number, why: string): AppError =>
  new AppError('invalid_value', `Line ${String(at)} of the invoice cannot be read: ${why}.`, { param: 'csv' });
