import type { AppError } from '../../platform/errors/index.js';

/** What a file must look like. */
export interface CsvForm {
  readonly columns: readonly string[];
  readonly required: string;
  readonly maxRecords: number;
  /** The error of a line that cannot be read. */
  readonly wrong: (line: number, why: string) => AppError;
}

/** Records of a CSV file with a header, columns in any order; `line` is the line of the file, from 2 on. Records without line
 *  breaks inside. Attacker-controlled. Source: RFC 4180. @throws AppError of {@link CsvForm.wrong} */
export function readCsv(
  text: string,
  form: CsvForm,
): readonly { readonly cells: Readonly<Record<string, string>>; readonly line: number }[] {
  const { columns, required, maxRecords, wrong } = form;
  const [head = '', ...rest] = text.split(/\r?\n/).filter((line) => line !== '');
  const header = splitRecord(head, 1, wrong);
  const unknown = header.find((name) => !columns.includes(name));
  if (unknown !== undefined || !header.includes(required)) {
    const not = unknown === undefined ? '' : `, not ${unknown}`;
    throw wrong(1, `the header names the columns ${columns.join(', ')}${not}`);
  }
  if (rest.length > maxRecords) throw wrong(maxRecords + 2, `there are more than ${String(maxRecords)} lines`);
  return rest.map((record, index) => {
    const line = index + 2;
    const cells = splitRecord(record, line, wrong);
    if (cells.length !== header.length) throw wrong(line, `it has ${String(cells.length)} cells`);
    return { line, cells: Object.fromEntries(header.map((name, at) => [name, cells[at] ?? ''])) };
  });
}

function splitRecord(record: string, line: number, wrong: CsvForm['wrong']): readonly string[] {
  const cells: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = cell.exec(record);
    if (match === null) throw wrong(line, 'its quotes do not close');
    const [, quoted, bare = '', end] = match;
    cells.push(quoted?.replaceAll('""', '"') ?? bare);
    if (end === '') return cells;
  }
}
