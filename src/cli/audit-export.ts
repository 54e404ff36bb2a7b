import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import type { Command, Invocation } from './command.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import { printError, printJson, printLine } from './print.js';
import { serverApi, type ServerApi } from './server-api.js';

const LOOK_EVERY_MS = 500;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Bundle {
  readonly id: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'DONE' | 'FAILED';
  readonly progress: { readonly done: number; readonly of: number; readonly bytes: number };
  readonly result: { readonly sha256: string; readonly receipt: string } | null;
  readonly bundle: string | null;
  readonly error: string | null;
}

interface Investigation {
  readonly id: string;
  readonly externalRef: string;
}

/** `aip audit export` */
export const auditExport: Command = {
  name: 'audit export',
  args: '--recipient <name> --reason <text> [--investigation <id or reference>]',
  summary: 'Write an evidence bundle that anybody can verify',
  options: {
    investigation: { type: 'string', describe: 'case whose disclosures are opened; without it none are' },
    mode: { type: 'string', describe: 'range: all records; stubs: those of the case, hashes of the rest' },
    from: { type: 'string', describe: 'instant, RFC 3339' },
    to: { type: 'string', describe: 'instant, RFC 3339' },
    recipient: { type: 'string', describe: 'to whom it goes; on record' },
    reason: { type: 'string', describe: 'why, at least 20 characters; on record' },
    'legal-basis': { type: 'string', describe: 'on record' },
    output: { type: 'string', describe: 'file to write; evidence-<id>.zip when left out' },
  },
  notes: ['The server makes the file; a download that broke off goes on where it ended.'],
  async run({ values, json }) {
    const { investigation, recipient, reason, output } = values;
    if (typeof recipient !== 'string' || typeof reason !== 'string')
      throw usageError('say --recipient and --reason: both are put on record');
    const api = await serverApi('audit:export');
    const wish = {
      ...optional({ mode: 'mode', from: 'from', to: 'to', legalBasis: 'legal-basis' }, values),
      investigation: typeof investigation === 'string' ? await investigationId(api, investigation) : null,
      recipient,
      reason,
    };
    const made = await ordered(api, wish);
    const path = `/api/audit/exports/${made.id}/release`;
    const { bundle, result } = await api.call<Bundle>({ method: 'POST', path, body: { recipient, reason } });
    if (bundle === null || result === null) throw new Error('A released bundle can be downloaded');
    const name = typeof output === 'string' ? output : `evidence-${made.id}.zip`;
    const part = `${name}.${made.id}.part`;
    await api.download(bundle, part);
    if ((await digestOf(part)) !== result.sha256)
      throw new CommandError(`${part} is not what the server made. Remove it and try again.`, EXIT.unreadable);
    await rename(part, name);
    if (json) printJson({ file: name, ...made });
    else
      printLine(
        `${name}: ${String(made.progress.of)} records, SHA-256 ${result.sha256}\nVerify it: aip audit verify ${name}`,
      );
    return EXIT.ok;
  },
};

/** Members of an order for the options that were given. */
function optional(names: Readonly<Record<string, string>>, values: Invocation['values']): object {
  return Object.fromEntries(
    Object.entries(names).flatMap(([member, option]) =>
      values[option] === undefined ? [] : [[member, values[option]]],
    ),
  );
}

async function ordered(api: ServerApi, wish: object): Promise<Bundle> {
  // The same order in the same minute is the same bundle: who repeats a command at once gets the file that is there.
  const minute = new Date(performance.timeOrigin + performance.now()).toISOString().slice(0, 16);
  const idempotencyKey = hash('sha256', JSON.stringify([wish, minute]), 'hex');
  let bundle = await api.call<Bundle>({ method: 'POST', path: '/api/audit/exports', body: wish, idempotencyKey });
  for (let last = -1; bundle.state === 'QUEUED' || bundle.state === 'RUNNING';) {
    await delay(LOOK_EVERY_MS);
    bundle = await api.call<Bundle>({ method: 'GET', path: `/api/audit/exports/${bundle.id}` });
    const { done, of } = bundle.progress;
    if (done !== last && process.stderr.isTTY) printError(`${String(done)} of ${String(of)} records`);
    last = done;
  }
  if (bundle.state === 'FAILED')
    throw new CommandError(`The server could not make the bundle: ${bundle.error ?? 'unknown'}`, EXIT.software);
  return bundle;
}

/** An investigation by its id, or by the reference the case system gave it. */
async function investigationId(api: ServerApi, wanted: string): Promise<string> {
  if (UUID.test(wanted)) return wanted;
  for await (const { id, externalRef } of api.rows<Investigation>('/api/investigations')) {
    if (externalRef === wanted) return id;
  }
  throw usageError(`there is no investigation ${wanted}`);
}

async function digestOf(file: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of createReadStream(file)) digest.update(piece as Buffer);
  return digest.digest('hex');
}
