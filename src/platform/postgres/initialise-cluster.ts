import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { type Account, handOver, spawnAs } from './account.js';
import { type Binaries } from './binaries.js';
import { StartError } from './start-error.js';

/** The database inside the cluster that the product uses. */
export const DATABASE = 'aip';
const OUTPUT_LIMIT = 4_000;

interface Step {
  readonly account: Account;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly input?: string;
}

async function runStep(step: Step): Promise<void> {
  const child = spawnAs(step.account, step.program, step.args, { cwd: step.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_LIMIT)));
  }
  child.stdin?.on('error', () => undefined); // It ended before it read: its status says so.
  child.stdin?.end(step.input ?? '');
  const [status] = (await once(child, 'close')) as [number | null];
  if (status === 0) return;
  throw new StartError(69, `${path.basename(step.program)} failed (${String(status)}): ${output.trim()}`);
}

/** A cluster that is complete when it appears: made beside `dataDir`, then renamed. Login `postgres` with `password`
 *  (SCRAM-SHA-256), database `aip`, UTF-8, locale C. `isDurable`: also flushed to disk. When another process was quicker,
 *  its cluster stays. @throws StartError 69 — initdb or the first database failed; nothing is left behind */
export async function initialiseCluster(options: {
  readonly binaries: Binaries;
  readonly account: Account;
  readonly dataDir: string;
  readonly password: string;
  readonly isDurable: boolean;
}): Promise<void> {
  const { binaries, account, dataDir } = options;
  const draft = await mkdtemp(`${dataDir}.new-`);
  const secretDir = await mkdtemp(`${dataDir}.login-`);
  const secret = path.join(secretDir, 'password');
  try {
    await writeFile(secret, `${options.password}\n`, { mode: 0o600 });
    for (const target of [draft, secretDir]) handOver(account, target);
    const sync = options.isDurable ? [] : ['--no-sync'];
    const flags = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions', ...sync];
    const login = ['-U', 'postgres', `--pwfile=${secret}`];
    await runStep({ account, program: binaries.initdb, args: ['-D', draft, ...login, ...flags], cwd: draft });
    const single = ['--single', '-D', draft, 'template1'];
    const input = `CREATE DATABASE ${DATABASE}\n`;
    await runStep({ account, program: binaries.postgres, args: single, cwd: draft, input });
    await moveInto(draft, dataDir);
  } finally {
    await rm(secretDir, { recursive: true, force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

async function moveInto(draft: string, dataDir: string): Promise<void> {
  await rmdir(dataDir).catch(() => undefined); // An empty directory may stand there.
  try {
    await rename(draft, dataDir);
  } catch (error) {
    if ((await clusterVersion(dataDir)) !== null) return;
    throw new StartError(78, `${dataDir} holds files that are no PostgreSQL cluster; choose another data directory.`, {
      cause: error,
    });
  }
}

/** Major version of the cluster in `dataDir`; null when there is none. */
export async function clusterVersion(dataDir: string): Promise<string | null> {
  const text = await readFile(path.join(dataDir, 'PG_VERSION'), 'utf8').catch(() => null);
  return text === null ? null : text.trim();
}
