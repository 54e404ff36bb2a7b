import { readFile } from 'node:fs/promises';

import type { Command } from './command.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';
import { serverApi } from './server-api.js';

interface Invoice {
  readonly id: string;
  readonly number: string;
  readonly lines: number;
  readonly total: { readonly amount: string; readonly currency: string };
}

interface Reconciliation {
  readonly id: string;
  readonly ours: string;
  readonly theirs: string;
  readonly variance: string;
}

interface Cell {
  readonly day: string;
  readonly model: string;
  readonly meter: string | null;
  readonly verdict: string;
  readonly ours: string;
  readonly theirs: string;
  readonly variance: string;
}

const VERDICT_WIDTH = 11;

/** `aip invoice import` */
export const invoiceImport: Command = {
  name: 'invoice import',
  args: '<file> --provider <name> --number <number> --from <day> --to <day>',
  summary: "Import a partner's invoice from a CSV or JSON file",
  options: {
    provider: { type: 'string', describe: 'name of the partner here' },
    number: { type: 'string', describe: "the invoice's own number" },
    from: { type: 'string', describe: 'first day it covers, YYYY-MM-DD' },
    to: { type: 'string', describe: 'last day it covers, YYYY-MM-DD' },
    currency: { type: 'string', describe: 'ISO 4217; USD when left out' },
  },
  notes: ['Columns: kind, credential, day, model, meter, quantity, amount. A JSON file is an array of such lines.'],
  async run({ values, positionals, json }) {
    const [file] = positionals;
    const { provider, number, from, to, currency } = values;
    if (file === undefined || [provider, number, from, to].some((value) => typeof value !== 'string'))
      throw usageError('name the file, --provider, --number, --from and --to');
    const text = await readFile(file, 'utf8');
    const lines = file.endsWith('.json') ? { lines: parsed(file, text) } : { csv: text };
    const api = await serverApi('price:write');
    const body = { provider, number, from, to, currency: currency ?? 'USD', ...lines };
    const invoice = await api.call<Invoice>({ method: 'POST', path: '/api/invoices', body });
    if (json) printJson(invoice);
    else printLine(`${invoice.id}: ${String(invoice.lines)} lines, ${invoice.total.amount} ${invoice.total.currency}`);
    return EXIT.ok;
  },
};

function parsed(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError(`${file} is not JSON.`, EXIT.unreadable);
  }
}

/** `aip invoice reconcile` */
export const invoiceReconcile: Command = {
  name: 'invoice reconcile',
  args: '<invoice id>',
  summary: 'Compare an invoice with what was charged and show what differs',
  options: {},
  async run({ positionals, json }) {
    const [invoiceId] = positionals;
    if (invoiceId === undefined) throw usageError('name the invoice by its id');
    const api = await serverApi('price:write');
    const made = await api.call<Reconciliation>({ method: 'POST', path: '/api/reconciliations', body: { invoiceId } });
    let differing = 0;
    for await (const cell of api.rows<Cell>(`/api/reconciliations/${made.id}/cells`)) {
      if (cell.verdict !== 'MATCHED' && cell.verdict !== 'WITHIN') differing += 1;
      if (json) printJson(cell);
      else if (cell.verdict !== 'MATCHED') printCell(cell);
    }
    if (!json) printLine(`${made.id}: ours ${made.ours}, theirs ${made.theirs}, variance ${made.variance}`);
    return differing === 0 ? EXIT.ok : EXIT.finding;
  },
};

function printCell({ verdict, day, model, meter, ours, theirs, variance }: Cell): void {
  const what = `${model} ${meter ?? 'all meters'}`;
  printLine(`${verdict.padEnd(VERDICT_WIDTH)} ${day}  ${what}: ours ${ours}, theirs ${theirs}, variance ${variance}`);
}
