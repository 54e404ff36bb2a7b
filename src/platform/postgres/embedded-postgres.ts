import { type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { makePassword } from '../secrets/index.js';
import { type Account, chooseAccount, handOver, spawnAs } from './account.js';
import { type Binaries, locateBinaries } from './binaries.js';
import { clusterVersion, DATABASE, initialiseCluster } from './initialise-cluster.js';
import { findPostmaster, isAlive, type Postmaster, stopPostmaster, whenReady } from './postmaster.js';
import { StartError } from './start-error.js';

const MAJOR = '18';
const LOOPBACK = '127.0.0.1';
const START_ATTEMPTS = 10;
const RETRY_MS = 200;
/** Somebody took the port meanwhile, another process starts the same cluster at this moment, or the processes of a killed server are
 *  still on their way out. */
const PASSING = /could not bind|is still in use|already exists/;
const LOG_TAIL = 1_500;

/** Where the cluster lives and what it guarantees. */
export interface EmbeddedPostgresOptions {
  /** Cluster directory, made when missing; its server log stands beside it as `<dataDir>.log`. */
  readonly dataDir: string;
  /** Superuser password, one line, 0600; made when missing together with the cluster. */
  readonly passwordFile: string;
  /** false switches `fsync` and `synchronous_commit` off: for tests, a crash loses data. */
  readonly durable: boolean;
  /** Connections the server accepts. 10…1 000. */
  readonly maxConnections: number;
}

/** A server that takes connections on 127.0.0.1. */
export interface EmbeddedPostgres {
  /** `postgresql://postgres:…@127.0.0.1:<port>/aip`; holds the password: never log it. */
  readonly url: string;
  readonly port: number;
  /** Major version of the cluster. */
  readonly version: string;
  /** It ran already: left by a killed process, or in use by a living one. */
  readonly adopted: boolean;
  /** Stops the server and resolves when it has ended; does nothing when a living process other than this one started it. */
  stop(): Promise<void>;
}

const launcherFile = (dataDir: string): string => path.join(dataDir, 'launcher.pid');
const urlOf = (password: string, port: number): string =>
  `postgresql://postgres:${encodeURIComponent(password)}@${LOOPBACK}:${String(port)}/${DATABASE}`;

function serverFlags({ durable, maxConnections }: EmbeddedPostgresOptions): readonly string[] {
  const onOff = durable ? 'on' : 'off';
  return [
    ...[`fsync=${onOff}`, `synchronous_commit=${onOff}`, `full_page_writes=${onOff}`],
    ...[`max_connections=${String(maxConnections)}`, `listen_addresses=${LOOPBACK}`, 'unix_socket_directories='],
    ...['timezone=UTC', 'log_timezone=UTC', 'log_min_messages=warning'],
  ].flatMap((setting) => ['-c', setting]);
}

/** The process that answers for the running server, when it lives and is not this one. */
function hasOtherLauncher(dataDir: string): boolean {
  try {
    const pid = Number(readFileSync(launcherFile(dataDir), 'utf8'));
    return Number.isInteger(pid) && pid > 0 && pid !== process.pid && isAlive(pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function readPassword(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function writeNewPassword(file: string): Promise<string> {
  const password = makePassword();
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, `${password}\n`, { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // Another process was quicker: its password counts.
  });
  await chmod(file, 0o600);
  return (await readPassword(file)) ?? password;
}

async function passwordFor(options: EmbeddedPostgresOptions, version: string | null): Promise<string> {
  const { dataDir, passwordFile } = options;
  const password = await readPassword(passwordFile);
  if (version !== null && version !== MAJOR) {
    const fix = 'Run the release that made it, export the data, and import it here.';
    throw new StartError(70, `${dataDir} was made by PostgreSQL ${version}; this release runs ${MAJOR}. ${fix}`);
  }
  if (password !== null && password !== '') return password;
  if (version !== null || password === '') {
    const fix = `Restore ${passwordFile} from your backup, or remove ${dataDir} to begin with an empty database.`;
    throw new StartError(78, `The password of the database in ${dataDir} is missing. ${fix}`);
  }
  return writeNewPassword(passwordFile);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', reject).listen(0, LOOPBACK, () => {
      const address = probe.address();
      probe.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}

const tailOf = (file: string): string => readFileSync(file, 'utf8').slice(-LOG_TAIL).trim();

async function launch(
  binaries: Binaries,
  account: Account,
  options: EmbeddedPostgresOptions,
  port: number,
): Promise<Postmaster | null> {
  const { dataDir } = options;
  rmSync(`${dataDir}.log`, { force: true }); // It may belong to another user: root started it once.
  const log = openSync(`${dataDir}.log`, 'w', 0o600);
  const args = ['-D', dataDir, '-p', String(port), ...serverFlags(options)];
  let child: ChildProcess;
  try {
    child = spawnAs(account, binaries.postgres, args, { cwd: dataDir, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
  let isGone = false;
  child.once('error', () => (isGone = true)).once('exit', () => (isGone = true));
  child.unref();
  return whenReady(dataDir, () => isGone);
}

function handle(
  options: EmbeddedPostgresOptions,
  found: Postmaster,
  details: { readonly password: string; readonly adopted: boolean; readonly isOurs: boolean },
): EmbeddedPostgres {
  const { password, adopted, isOurs } = details;
  if (isOurs) {
    rmSync(launcherFile(options.dataDir), { force: true });
    writeFileSync(launcherFile(options.dataDir), String(process.pid), { mode: 0o644 });
  }
  return {
    url: urlOf(password, found.port),
    port: found.port,
    version: MAJOR,
    adopted,
    stop: async (): Promise<void> => {
      if (isOurs) await stopPostmaster(options.dataDir, found.pid);
    },
  };
}

/** A server found running is used as it is when another process answers for it. A left-over one is taken over when it
 *  was started with the same settings, otherwise stopped (null). */
async function adopt(options: EmbeddedPostgresOptions, password: string): Promise<EmbeddedPostgres | null> {
  const { dataDir } = options;
  const found = findPostmaster(dataDir);
  if (found === null) return null;
  const isOurs = !hasOtherLauncher(dataDir);
  const started = await readFile(path.join(dataDir, 'postmaster.opts'), 'utf8').catch(() => '');
  if (isOurs && !serverFlags(options).every((flag) => started.includes(`"${flag}"`))) {
    await stopPostmaster(dataDir, found.pid);
    return null;
  }
  const ready = await whenReady(dataDir, () => findPostmaster(dataDir) === null);
  return ready === null ? null : handle(options, ready, { password, adopted: true, isOurs });
}

/** Starts the cluster in `dataDir`, or takes over the server a killed process left running there. Any number of processes
 *  may call it at once: one server runs. On return it takes connections; with `durable`, a commit survives a crash of the
 *  host. Loopback TCP only, no Unix socket.
 *  @throws StartError 69 — no binary, no usable identity, or the server does not start; 70 — made by another PostgreSQL
 *  major version; 78 — the password is missing, or `dataDir` holds something else */
export async function startEmbeddedPostgres(given: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const options = { ...given, dataDir: path.resolve(given.dataDir), passwordFile: path.resolve(given.passwordFile) };
  const { dataDir, durable } = options;
  const binaries = await locateBinaries();
  await mkdir(path.dirname(dataDir), { recursive: true });
  const version = await clusterVersion(dataDir);
  const password = await passwordFor(options, version);
  const running = await adopt(options, password);
  if (running !== null) return running;
  const account = chooseAccount(binaries.postgres, dataDir);
  if (version === null) await initialiseCluster({ binaries, account, dataDir, password, isDurable: durable });
  for (let attempt = 1; ; attempt += 1) {
    handOver(account, dataDir);
    const started = await launch(binaries, account, options, await freePort());
    if (started !== null) return handle(options, started, { password, adopted: false, isOurs: true });
    const other = await adopt(options, password);
    if (other !== null) return other;
    const log = tailOf(`${dataDir}.log`);
    const isPassing = PASSING.test(log) && attempt < START_ATTEMPTS;
    if (!isPassing) throw new StartError(69, `PostgreSQL in ${dataDir} ended at once. Its last words: ${log}`);
    await delay(RETRY_MS);
  }
}

/** The server running in `dataDir`, for a command that only visits; null when there is none. Starts and stops nothing. */
export async function runningEmbeddedPostgres(
  options: Pick<EmbeddedPostgresOptions, 'dataDir' | 'passwordFile'>,
): Promise<{ readonly url: string } | null> {
  const found = findPostmaster(path.resolve(options.dataDir));
  const password = found?.ready === true ? await readPassword(options.passwordFile) : null;
  return found === null || password === null ? null : { url: urlOf(password, found.port) };
}

/** Stops the server in `dataDir` that a killed process left behind; does nothing when none runs or a living process
 *  answers for it. */
export async function stopLeftOverPostgres(dataDir: string): Promise<void> {
  const found = findPostmaster(path.resolve(dataDir));
  if (found !== null && !hasOtherLauncher(path.resolve(dataDir)))
    await stopPostmaster(path.resolve(dataDir), found.pid);
}
