import { parseArgs } from 'node:util';

import { NO_TRUST, readTrust } from './trust.js';
import { verdictText } from './verdict-text.js';
import { exitStatusOf, isUnreadable, verifyPath } from './verify-path.js';

const USAGE = `usage: node verify.mjs BUNDLE [--trust DIR] [--state DIR] [--strict] [--json]

BUNDLE   a folder or zip file
--trust  folder with policy.txt: whose keys you trust, from another source than the bundle
--state  folder that remembers the largest checkpoint of each log
--strict a warning is a failure
Exit status: 0 ok, 1 not ok, 2 usage, 65 unreadable
`;
const EXIT = { usage: 2, unreadable: 65 } as const;

const OPTIONS = {
  trust: { type: 'string' },
  state: { type: 'string' },
  strict: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

interface Values {
  readonly trust?: string | undefined;
  readonly state?: string | undefined;
  readonly strict?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** What the command line says; undefined when it is wrong. */
function read(argv: readonly string[]): { readonly bundle: string; readonly values: Values } | undefined {
  try {
    const { positionals, values } = parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
    const [bundle] = positionals;
    return bundle === undefined || positionals.length > 1 ? undefined : { bundle, values };
  } catch {
    return undefined;
  }
}

/** The verifier on its own. Resolves to the exit status. */
export async function main(argv: readonly string[], nowMs: number): Promise<number> {
  const wish = read(argv);
  if (wish === undefined) {
    process.stderr.write(USAGE);
    return EXIT.usage;
  }
  const { trust, state, strict, json } = wish.values;
  try {
    const known = trust === undefined ? NO_TRUST : readTrust(trust);
    const verdicts = await verifyPath(wish.bundle, { trust: known, state, nowMs });
    const lines = json === true ? [JSON.stringify(verdicts, null, 2)] : verdicts.flatMap(verdictText);
    for (const line of lines) process.stdout.write(`${line}\n`);
    return exitStatusOf(verdicts, strict === true);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return isUnreadable(error) ? EXIT.unreadable : EXIT.usage;
  }
}
