import { writeFile } from 'node:fs/promises';

import { LogProofs } from '../audit/index.js';
import { formatInstant } from '../platform/clock/index.js';
import type { Command } from './command.js';
import { withServices } from './environment.js';
import { EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';

const RECEIPT = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/(\d{1,15})(?:\/([0-9a-f]{64}))?$/;

/** `aip audit head` */
export const auditHead: Command = {
  name: 'audit head',
  args: '[--log <origin>]',
  summary: 'Show the newest signed checkpoint of each evidence log',
  options: { log: { type: 'string', describe: 'origin of one log: prints its checkpoint as it was signed' } },
  async run({ values, json }) {
    const all = await withServices((context) => context.get(LogProofs).heads());
    const { log } = values;
    const heads = log === undefined ? all : all.filter(({ origin }) => origin === log);
    if (log !== undefined && heads.length === 0) throw usageError(`there is no log ${String(log)}`);
    if (json) printJson(heads);
    else if (log !== undefined) printLine((heads[0]?.checkpoint?.note ?? 'no checkpoint is signed yet').trimEnd());
    else {
      for (const { origin, state, size, checkpoint } of heads) {
        const signed =
          checkpoint === null
            ? 'not signed yet'
            : `signed at ${String(checkpoint.size)}, ${formatInstant(checkpoint.atMs)}`;
        printLine(`${origin}  ${state}  ${String(size)} records, ${signed}`);
      }
    }
    return EXIT.ok;
  },
};

/** `aip audit proof` */
export const auditProof: Command = {
  name: 'audit proof',
  args: '<receipt> [--output <file>]',
  summary: 'Prove that a record is in the evidence log, as a .tlog-proof',
  options: { output: { type: 'string', describe: 'file to write; the record itself goes beside it as <file>.json' } },
  notes: ['A receipt is what AIP-Audit-Receipt said: lane/position/sha256; lane/position is enough.'],
  async run({ values, positionals, json }) {
    const [, lane, n, sha256] = RECEIPT.exec(positionals[0] ?? '') ?? [];
    if (lane === undefined || n === undefined) throw usageError('name a receipt: lane/position/sha256');
    const place = { lane, n: Number(n), ...(sha256 === undefined ? {} : { sha256 }) };
    const { proof, core } = await withServices((context) => context.get(LogProofs).proof(place));
    const { output } = values;
    if (typeof output === 'string') {
      await writeFile(output, proof);
      await writeFile(`${output}.json`, core);
    }
    if (json) printJson({ proof, record: core.toString('utf8') });
    else if (output === undefined) printLine(proof.trimEnd());
    return EXIT.ok;
  },
};
