import { canonical, type JsonObject, type JsonValue } from './canonical.js';
import type { ReadCore } from './core-check.js';

/** Columns of the table for people, in order. */
export const RECORD_COLUMNS = [
  'index',
  'at',
  'type',
  'id',
  'req',
  'provider',
  'region',
  'model',
  'status',
  'in',
  'out',
  'cost',
  'currency',
  'user',
  'case',
  'operation',
  'purpose',
  'justification',
  'recipient',
] as const;

/** One record as people read it. A column without a value is empty text. */
export type RecordRow = Readonly<Record<(typeof RECORD_COLUMNS)[number], string>>;

/** A disclosure that was opened. */
export interface OpenedDisclosure {
  readonly name: string;
  readonly value: JsonValue;
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: JsonValue | undefined): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : canonical(value);

/** Providers and regions that a call's plan names: each of them may have received the prompt. */
function recipientsOf(plan: JsonValue | undefined): string {
  const entries = Array.isArray(plan) ? (plan as readonly JsonValue[]) : [];
  const names = entries.flatMap((entry) =>
    isObject(entry)
      ? [[textOf(entry['provider']), textOf(entry['region'])].filter((part) => part !== '').join('/')]
      : [],
  );
  return [...new Set(names)].join(' ');
}

/** The row of a record. `index`: its place in the tree. Deterministic: verifiers make it again and compare bytes. */
export function recordRow(index: number, core: ReadCore, disclosures: readonly OpenedDisclosure[]): RecordRow {
  const { pub } = core;
  const cost = isObject(pub['cost']) ? pub['cost'] : {};
  const opened = (name: string): string => textOf(disclosures.find((one) => one.name === name)?.value);
  const recipient = opened('recipient');
  return {
    index: String(index),
    at: core.at,
    type: core.type,
    id: core.id,
    req: textOf(pub['req']),
    provider: textOf(pub['provider']),
    region: textOf(pub['region']),
    model: textOf(pub['model']),
    status: textOf(pub['status']),
    in: textOf(pub['in']),
    out: textOf(pub['out']),
    cost: textOf(cost['amount']),
    currency: textOf(cost['currency']),
    user: opened('user'),
    case: opened('case.id'),
    operation: opened('case.operation'),
    purpose: opened('purpose'),
    justification: opened('justification'),
    recipient: recipient === '' ? recipientsOf(pub['plan']) : recipient,
  };
}

/** A cell that a spreadsheet would run as a formula gets a leading apostrophe. Source: RFC 4180; OWASP CSV injection. */
function cellOf(text: string): string {
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** First line of the CSV file, CRLF included. */
export const RECORD_CSV_HEADER = `${RECORD_COLUMNS.join(',')}\r\n`;

/** One line of the CSV file, CRLF included. Source: RFC 4180. */
export function recordCsvLine(row: RecordRow): string {
  return `${RECORD_COLUMNS.map((name) => cellOf(row[name])).join(',')}\r\n`;
}

/** One line of the JSONL file: the row and every disclosure that was opened. */
export function recordJsonLine(row: RecordRow, disclosures: readonly OpenedDisclosure[]): string {
  const filled = Object.fromEntries(RECORD_COLUMNS.filter((name) => row[name] !== '').map((name) => [name, row[name]]));
  const opened = disclosures.map(({ name, value }) => ({ name, value }));
  return `${JSON.stringify({ ...filled, disclosures: opened })}\n`;
}
