/** A cell of an export: text, a plain decimal, or nothing. */
export interface Cell {
  readonly value: string | null;
  /** Plain numbers are written as they are, also where they begin with a minus. */
  readonly isNumber: boolean;
}

/** Formats an export can have. */
export const EXPORT_FORMATS = ['csv', 'jsonl'] as const;

/** One of {@link EXPORT_FORMATS}. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** A text. */
export const text = (value: string | null): Cell => ({ value, isNumber: false });
/** A plain decimal, as text: no exponent, no separators. */
export const number = (value: string | null): Cell => ({ value, isNumber: true });

/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** One record with its end. CSV as RFC 4180: CRLF, quotes where needed, nothing for null, an apostrophe before text that a
 *  spreadsheet would run. JSONL: one object; numbers stay text, so that none loses a digit. */
export function exportLine(format: ExportFormat, header: readonly string[], cells: readonly Cell[]): string {
  if (format === 'jsonl') {
    return `${JSON.stringify(Object.fromEntries(header.map((name, index) => [name, cells[index]?.value ?? null])))}\n`;
  }
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/** What a file begins with. */
export function exportHead(format: ExportFormat, header: readonly string[]): string {
  return format === 'csv' ? `${header.join(',')}\r\n` : '';
}

function csvCell({ value, isNumber }: Cell): string {
  if (value === null) return '';
  if (isNumber) return value;
  const safe = FORMULA.test(value) || value.startsWith('\n') ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
