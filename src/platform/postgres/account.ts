import { type ChildProcess, spawn, spawnSync, type StdioOptions } from 'node:child_process';
import { chownSync, lchownSync, lstatSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

import { StartError } from './start-error.js';

const NOBODY = 65_534;
const PROBE_TIMEOUT_MS = 10_000;

/** Under which identity the database programs run and who owns their files. PostgreSQL refuses to run as uid 0. */
export interface Account {
  /** Put before the program: a wrapper, or nothing. */
  readonly wrapper: readonly string[];
  /** Identity to switch to; null keeps the caller's. */
  readonly ids: { readonly uid: number; readonly gid: number } | null;
}

const SELF: Account = { wrapper: [], ids: null };
const UNPRIVILEGED: Account = { wrapper: [], ids: { uid: NOBODY, gid: NOBODY } };
/** The caller's own uid under another number: files stay the caller's, so a closed home directory is no obstacle. */
const NAMESPACE: Account = { wrapper: ['unshare', '-U', '--map-user=1000', '--map-group=1000', '--'], ids: null };

function commandOf(
  { wrapper }: Account,
  program: string,
  args: readonly string[],
): { readonly file: string; readonly all: readonly string[] } {
  const [file, ...before] = wrapper;
  return file === undefined ? { file: program, all: args } : { file, all: [...before, program, ...args] };
}

/** Starts `program` under the account, in a session of its own: a Ctrl-C in the terminal does not reach it. */
export function spawnAs(
  account: Account,
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly stdio: StdioOptions },
): ChildProcess {
  const { file, all } = commandOf(account, program, args);
  return spawn(file, all, { ...options, ...account.ids, detached: true, windowsHide: true });
}

/** Gives a file or a whole tree to the account. Needs root when it is not the caller's already. */
export function handOver(account: Account, target: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = account.ids ?? { uid: 0, gid: 0 };
  const top = lstatSync(target);
  if (top.uid === uid && top.gid === gid) return;
  if (top.isDirectory()) {
    for (const name of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
      lchownSync(path.join(target, name), uid, gid);
    }
  }
  chownSync(target, uid, gid);
}

/** Whether `uid` may pass through every directory above `target`. */
function isReachable(target: string, uid: number): boolean {
  for (let at = path.dirname(target); ; at = path.dirname(at)) {
    const found = statSync(at);
    if ((found.mode & (found.uid === uid ? 0o100 : 0o001)) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

function canRun(account: Account, program: string): boolean {
  const { file, all } = commandOf(account, program, ['--version']);
  const { status } = spawnSync(file, all, { ...account.ids, cwd: '/', stdio: 'ignore', timeout: PROBE_TIMEOUT_MS });
  return status === 0;
}

/** An existing cluster keeps its owner, so that root does not lock an ordinary user out. */
function ownerOf(dataDir: string): Account {
  const found = statSync(dataDir, { throwIfNoEntry: false });
  return found === undefined || found.uid === 0
    ? UNPRIVILEGED
    : { wrapper: [], ids: { uid: found.uid, gid: found.gid } };
}

/** The caller; for root the owner of the cluster or nobody, or a user namespace when that one cannot reach the files.
 *  Makes no user on the host. `dataDir`'s parent exists. @throws StartError 69 — root, and neither way works here */
export function chooseAccount(postgres: string, dataDir: string): Account {
  if (process.getuid?.() !== 0) return SELF;
  for (const account of new Set([ownerOf(dataDir), UNPRIVILEGED])) {
    if (isReachable(dataDir, account.ids?.uid ?? 0) && canRun(account, postgres)) return account;
  }
  if (canRun(NAMESPACE, postgres)) return NAMESPACE;
  throw new StartError(
    69,
    'PostgreSQL does not run as root, and neither another user id nor a user namespace is possible here. ' +
      'Run as an ordinary user, move the checkout to a directory others may enter, or set DATABASE_URL to your own PostgreSQL 18.',
  );
}
