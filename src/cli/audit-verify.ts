import {
  exitStatusOf,
  installationTrust,
  isUnreadable,
  LiveVerifier,
  readTrust,
  verdictText,
  verifyPath,
} from '../audit/index.js';
import type { Command, Invocation } from './command.js';
import { configuration, withServices } from './environment.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import { printError, printJson, printLine } from './print.js';

/** `aip audit verify` */
export const auditVerify: Command = {
  name: 'audit verify',
  args: '--live | <bundle>',
  summary: 'Verify the evidence log as it stands in the database, or a bundle',
  options: {
    live: { type: 'boolean', describe: 'the database of this installation' },
    trust: { type: 'string', describe: 'folder with policy.txt: whose keys you trust' },
    state: { type: 'string', describe: 'folder that remembers the largest checkpoint of each log' },
    strict: { type: 'boolean', describe: 'a warning is a failure' },
  },
  notes: [
    'A bundle is a folder or a zip file. Without --trust the keys of this installation are trusted, and no other.',
    'Exit status: 0 ok, 1 not ok, 2 usage, 65 unreadable.',
  ],
  async run({ values, positionals, json }) {
    const [bundle] = positionals;
    const showsProgress = process.stderr.isTTY && !json;
    const onProgress = (records: number): void => {
      if (showsProgress) printError(`  ${String(records)} records …`);
    };
    if (values['live'] === true) return verifyLive(values, json, onProgress);
    if (bundle === undefined) throw usageError('say --live, or name a bundle');
    try {
      return await verifyFile(bundle, values, json, onProgress);
    } catch (error) {
      if (isUnreadable(error)) throw new CommandError((error as Error).message, EXIT.unreadable);
      if ((error as { code?: unknown } | null)?.code === 'ENOENT') throw usageError((error as Error).message);
      throw error;
    }
  },
};

type Values = Invocation['values'];

async function verifyLive(values: Values, json: boolean, onProgress: (records: number) => void): Promise<number> {
  const verdict = await withServices((context) => context.get(LiveVerifier).verify(onProgress));
  if (json) printJson(verdict);
  else for (const line of verdictText(verdict)) printLine(line);
  return verdict.ok && !(values['strict'] === true && verdict.warned) ? EXIT.ok : EXIT.finding;
}

async function verifyFile(
  bundle: string,
  { trust, state, strict }: Values,
  json: boolean,
  onProgress: (records: number) => void,
): Promise<number> {
  const verdicts = await verifyPath(bundle, {
    trust: typeof trust === 'string' ? readTrust(trust) : await installationTrust(configuration().audit, bundle),
    state: typeof state === 'string' ? state : undefined,
    nowMs: Math.floor(performance.timeOrigin + performance.now()),
    onProgress,
  });
  if (json) printJson(verdicts);
  else for (const line of verdicts.flatMap(verdictText)) printLine(line);
  return exitStatusOf(verdicts, strict === true) === 0 ? EXIT.ok : EXIT.finding;
}
