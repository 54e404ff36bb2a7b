import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import type { Command, Invocation } from './command.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import { printError, printJson, printLine } from './print.js';
import { serverApi, type ServerApi } from './server-api.js';

const LOOK_EVERY_MS = 500;
const DAY = /^\d{4}-\d\d-\d\d$/;

interface Report {
  readonly id: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'DONE' | 'FAILED';
  readonly progress: { readonly done: number; readonly of: number; readonly rows: number };
  readonly manifest: { readonly files: readonly { readonly name: string; readonly sha256: string }[] } | null;
  readonly content: string | null;
  readonly error: string | null;
}

const OPTIONS: Command['options'] = {
  from: { type: 'string', describe: 'first day, YYYY-MM-DD, UTC' },
  to: { type: 'string', describe: 'day after the last, YYYY-MM-DD, UTC' },
  output: { type: 'string', describe: 'file to write; its usual name when left out' },
  format: { type: 'string', describe: 'csv or jsonl' },
  currency: { type: 'string', describe: 'ISO 4217' },
  'include-simulated': { type: 'boolean', describe: 'with calls to simulated partners' },
};
const ROW_OPTIONS: Command['options'] = {
  period: { type: 'string', describe: 'hour or day: what a row covers' },
};

/** `aip export usage` */
export const exportUsage = exportCommand('usage', {
  summary: 'Write usage and cost to a file, grouped as you like',
  options: { ...ROW_OPTIONS, by: { type: 'string', describe: 'dimensions, for example INVESTIGATION,USER,MODEL' } },
  wishOf: ({ period, by }) => ({ period, ...(typeof by === 'string' ? { groupBy: by.split(',') } : {}) }),
});

/** `aip export chargeback` */
export const exportChargeback = exportCommand('chargeback', {
  summary: 'Write the cost of teams and investigations per month to a file',
  options: {},
  wishOf: () => ({}),
});

/** `aip export focus` */
export const exportFocus = exportCommand('focus', {
  summary: 'Write charges as rows of the FOCUS specification to a file',
  options: { ...ROW_OPTIONS, spec: { type: 'string', describe: 'version of the specification: 1.2, 1.3 or 1.4' } },
  wishOf: ({ period, spec }) => ({ period, spec }),
});

function exportCommand(
  kind: 'usage' | 'chargeback' | 'focus',
  parts: Pick<Command, 'summary' | 'options'> & { readonly wishOf: (values: Invocation['values']) => object },
): Command {
  return {
    name: `export ${kind}`,
    args: '--from <day> --to <day>',
    summary: parts.summary,
    options: { ...OPTIONS, ...parts.options },
    notes: ['The server makes the file; a download that broke off goes on where it ended.'],
    async run({ values, json }) {
      const { from, to, output, format, currency } = values;
      if (typeof from !== 'string' || typeof to !== 'string' || !DAY.test(from) || !DAY.test(to))
        throw usageError('name the days with --from and --to, for example --from 2026-11-01 --to 2026-12-01');
      const wish = {
        from,
        to,
        format,
        currency,
        includeSimulated: values['include-simulated'],
        ...parts.wishOf(values),
      };
      const api = await serverApi('report:export');
      const report = await made(api, kind, wish);
      const [file] = report.manifest?.files ?? [];
      if (report.content === null || file === undefined) throw new Error('A report that is DONE has a file');
      const name = typeof output === 'string' ? output : file.name;
      const part = `${name}.${report.id}.part`;
      await api.download(report.content, part);
      if ((await digestOf(part)) !== file.sha256)
        throw new CommandError(`${part} is not what the server made. Remove it and try again.`, EXIT.unreadable);
      await rename(part, name);
      if (json) printJson({ file: name, rows: report.progress.rows, manifest: report.manifest });
      else printLine(`${name}: ${String(report.progress.rows)} rows, SHA-256 ${file.sha256}`);
      return EXIT.ok;
    },
  };
}

async function made(api: ServerApi, kind: string, wish: object): Promise<Report> {
  // The same question in the same hour is the same report: who repeats a command gets the file that is there.
  const hour = new Date(performance.timeOrigin + performance.now()).toISOString().slice(0, 13);
  const idempotencyKey = hash('sha256', JSON.stringify([kind, wish, hour]), 'hex');
  let report = await api.call<Report>({ method: 'POST', path: `/api/reports/${kind}`, body: wish, idempotencyKey });
  for (let last = -1; report.state === 'QUEUED' || report.state === 'RUNNING';) {
    await delay(LOOK_EVERY_MS);
    report = await api.call<Report>({ method: 'GET', path: `/api/reports/${report.id}` });
    const { done, of } = report.progress;
    if (done !== last && process.stderr.isTTY) printError(`${String(done)} of ${String(of)}`);
    last = done;
  }
  if (report.state === 'FAILED')
    throw new CommandError(`The server could not make the file: ${report.error ?? 'unknown'}`, EXIT.software);
  return report;
}

async function digestOf(file: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of createReadStream(file)) digest.update(piece as Buffer);
  return digest.digest('hex');
}
