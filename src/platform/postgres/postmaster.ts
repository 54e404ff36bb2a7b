import { existsSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { StartError } from './start-error.js';

/** A server as it describes itself in `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** It takes connections. */
  readonly ready: boolean;
}

const POLL_MS = 10;
const READY_TIMEOUT_MS = 120_000; // A crash recovery may come first.
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 10_000;

const pidFile = (dataDir: string): string => path.join(dataDir, 'postmaster.pid');

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** What `postmaster.pid` says, whether or not that process lives. Line 1 pid, 4 port, 8 state. Source: PostgreSQL 18
 *  `src/include/utils/pidfile.h`. */
export function readPostmaster(dataDir: string): Postmaster | null {
  const lines = readLines(pidFile(dataDir));
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return null;
  return { pid, port: Number(lines[3] ?? 0), ready: lines[7]?.trim() === 'ready' };
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Process ids are used again after a restart of the host or container: on Linux the working directory decides. */
function worksIn(pid: number, dataDir: string): boolean {
  if (process.platform !== 'linux') return isAlive(pid);
  try {
    return readlinkSync(`/proc/${String(pid)}/cwd`) === realpathSync(dataDir);
  } catch {
    return false; // Gone, a zombie, or another user's process.
  }
}

/** The living server of `dataDir`. A `postmaster.pid` whose number belongs to somebody else by now is removed, because
 *  PostgreSQL would refuse to start. */
export function findPostmaster(dataDir: string): Postmaster | null {
  const written = readPostmaster(dataDir);
  if (written === null) return null;
  if (worksIn(written.pid, dataDir)) return written;
  if (isAlive(written.pid)) rmSync(pidFile(dataDir), { force: true });
  return null;
}

/** Waits for the server to take connections; null when it ends before. `isGone` is asked between two looks.
 *  @throws StartError 69 — neither within two minutes */
export async function whenReady(dataDir: string, isGone: () => boolean): Promise<Postmaster | null> {
  for (let waitedMs = 0; waitedMs < READY_TIMEOUT_MS; waitedMs += POLL_MS) {
    const found = readPostmaster(dataDir);
    if (found?.ready === true && worksIn(found.pid, dataDir)) return found;
    if (isGone()) return null;
    await delay(POLL_MS);
  }
  throw new StartError(69, `PostgreSQL in ${dataDir} was not ready after two minutes; ${dataDir}.log says why.`);
}

async function isStopped(dataDir: string, pid: number, withinMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < withinMs; waitedMs += POLL_MS) {
    if (!existsSync(pidFile(dataDir)) || !worksIn(pid, dataDir)) return true;
    await delay(POLL_MS);
  }
  return false;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Ends the server: SIGINT (open transactions roll back, all is flushed), after 30 s SIGQUIT (recovery at next start).
 *  @throws StartError 69 — it survives both */
export async function stopPostmaster(dataDir: string, pid: number): Promise<void> {
  signal(pid, 'SIGINT');
  if (await isStopped(dataDir, pid, FAST_STOP_MS)) return;
  signal(pid, 'SIGQUIT');
  if (await isStopped(dataDir, pid, IMMEDIATE_STOP_MS)) return;
  throw new StartError(69, `PostgreSQL process ${String(pid)} in ${dataDir} does not stop; end it by hand.`);
}
