import { readFile } from 'node:fs/promises';

import type { Command } from './command.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';
import { serverApi } from './server-api.js';

interface Change {
  readonly verdict: string;
  readonly vendor: string;
  readonly model: string;
  readonly tier: string;
  readonly contextFrom: number;
  readonly meter: string;
  readonly currency: string;
  readonly before: string | null;
  readonly after: string;
  readonly effectiveFrom: string | null;
}

interface PriceList {
  readonly id: string | null;
  readonly state: string;
  readonly summary: Readonly<Record<'new' | 'dearer' | 'cheaper' | 'same', number>>;
  readonly changes: readonly Change[];
}

interface Price {
  readonly id: string;
  readonly vendor: string;
  readonly model: string;
  readonly tier: string;
  readonly contextFrom: number;
  readonly meter: string;
  readonly currency: string;
  readonly perUnit: string;
  readonly effectiveFrom: string;
  readonly source: string;
  readonly asOf: string;
  readonly confirmed: boolean;
}

const VERDICT_WIDTH = 7;

function selectionOf({ vendor, model, tier, contextFrom, meter }: Omit<Change, 'verdict'> | Price): string {
  const band = contextFrom === 0 ? '' : ` from ${String(contextFrom)} tokens`;
  return `${vendor} ${model} ${meter}${tier === 'standard' ? '' : ` (${tier})`}${band}`;
}

function printList({ state, summary, changes }: PriceList): void {
  for (const change of changes) {
    if (change.verdict === 'SAME') continue;
    const start = change.effectiveFrom ?? 'on activation';
    printLine(
      `${change.verdict.padEnd(VERDICT_WIDTH)} ${selectionOf(change)}: ${change.before ?? '–'} → ${change.after} ${change.currency}, ${start}`,
    );
  }
  const counts = Object.entries(summary).map(([name, count]) => `${String(count)} ${name}`);
  printLine(`${state}: ${counts.join(', ')}`);
}

/** `aip prices import` */
export const pricesImport: Command = {
  name: 'prices import',
  args: '<file> [--dry-run]',
  summary: 'Hand in a price list (JSON or CSV) for somebody else to activate, and show what it changes',
  options: {
    'dry-run': { type: 'boolean', describe: 'only show what it would change' },
    note: { type: 'string', describe: 'where the list comes from' },
  },
  notes: [
    'Members: vendor, model, meter, currency, perMillion or perUnit, source, asOf; optional region, tier, contextFrom,',
    'dailyFrom, dailyTo, effectiveFrom, effectiveTo, confirmed. A JSON file is an array of such objects.',
  ],
  async run({ values, positionals, json }) {
    const [file] = positionals;
    if (file === undefined) throw usageError('name the file with the price list');
    const text = await readFile(file, 'utf8');
    const api = await serverApi('price:write');
    const list = await api.call<PriceList>({
      method: 'POST',
      path: '/api/prices/imports',
      body: {
        ...(file.endsWith('.json') ? { prices: parsed(file, text) } : { csv: text }),
        ...(typeof values['note'] === 'string' ? { note: values['note'] } : {}),
        dryRun: values['dry-run'] === true,
      },
    });
    if (json) printJson(list);
    else {
      printList(list);
      if (list.id !== null) printLine(`Somebody else puts it in force with: aip prices activate ${list.id}`);
    }
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

/** A command on one price list that was handed in. */
function onList(
  name: string,
  summary: string,
  call: { readonly method: 'GET' | 'POST'; readonly verb: string },
): Command {
  return {
    name,
    args: '<import id>',
    summary,
    options: {},
    async run({ positionals, json }) {
      const [id] = positionals;
      if (id === undefined) throw usageError('name the price list by its id');
      const api = await serverApi('price:write');
      const path = `/api/prices/imports/${encodeURIComponent(id)}${call.verb}`;
      const list = await api.call<PriceList>({ method: call.method, path });
      if (json) printJson(list);
      else printList(list);
      return EXIT.ok;
    },
  };
}

/** `aip prices diff` */
export const pricesDiff: Command = onList('prices diff', 'Show what a price list that was handed in would change now', {
  method: 'GET',
  verb: '',
});

/** `aip prices activate` */
export const pricesActivate: Command = onList(
  'prices activate',
  'Put a price list in force that somebody else handed in',
  {
    method: 'POST',
    verb: '/activate',
  },
);

/** `aip prices show` */
export const pricesShow: Command = {
  name: 'prices show',
  args: '[--at <instant>] [--vendor <vendor>] [--model <model>]',
  summary: 'Show the prices in force at an instant, with their source',
  options: {
    at: { type: 'string', describe: 'day or RFC 3339 instant; now when left out' },
    vendor: { type: 'string', describe: 'only of a vendor' },
    model: { type: 'string', describe: 'only of a model, by its name at the vendor' },
  },
  async run({ values, json }) {
    const { at, vendor, model } = values;
    const api = await serverApi('price:write');
    const query = new URLSearchParams({ limit: '200', at: instantOf(at) });
    if (typeof vendor === 'string') query.set('vendor', vendor);
    if (typeof model === 'string') query.set('model', model);
    for (let next: string | null = ''; next !== null;) {
      if (next !== '') query.set('cursor', next);
      const page: { readonly data: readonly Price[]; readonly next: string | null } = await api.call({
        method: 'GET',
        path: `/api/prices?${query.toString()}`,
      });
      for (const price of page.data) {
        if (json) printJson(price);
        else printPrice(price);
      }
      ({ next } = page);
    }
    return EXIT.ok;
  },
};

function instantOf(at: unknown): string {
  if (typeof at !== 'string') return new Date(Math.floor(performance.timeOrigin + performance.now())).toISOString();
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) throw usageError('--at is a day or an RFC 3339 instant, for example --at 2026-11-01');
  return new Date(ms).toISOString();
}

function printPrice(price: Price): void {
  const doubt = price.confirmed ? '' : ', unconfirmed';
  printLine(
    `${selectionOf(price)}: ${price.perUnit} ${price.currency} since ${price.effectiveFrom} (${price.source}, ${price.asOf}${doubt})`,
  );
}
