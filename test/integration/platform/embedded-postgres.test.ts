import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import {
  type EmbeddedPostgresOptions,
  runningEmbeddedPostgres,
  startEmbeddedPostgres,
  stopLeftOverPostgres,
} from '../../../src/platform/postgres/index.js';

const SOURCE = new URL('../../../src/platform/postgres/index.ts', import.meta.url).href;
const HOOKS = new URL('../../support/typescript-hooks.mjs', import.meta.url).href;
const DEAD_PID = String(2 ** 22 + 1); // Above the largest process id of Linux.

let root: string;
let options: EmbeddedPostgresOptions;

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function pidOf(dataDir: string): Promise<number> {
  return Number((await readFile(path.join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** Makes the running server look like that of a process that was killed. */
async function orphan(): Promise<void> {
  await writeFile(path.join(options.dataDir, 'launcher.pid'), DEAD_PID);
}

/** Another process that starts the server, prints its address and stays. */
async function launcherProcess(): Promise<[ChildProcess, string]> {
  const code = `import { startEmbeddedPostgres } from '${SOURCE}';
    console.log((await startEmbeddedPostgres(${JSON.stringify(options)})).url);
    setInterval(() => undefined, 1_000);`;
  const args = ['--import', HOOKS, '--input-type=module', '--eval', code];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return [child, line.toString().trim()];
}

async function makeRoot(): Promise<void> {
  root = await mkdtemp(path.join(tmpdir(), 'aip launcher '));
  options = {
    dataDir: path.join(root, 'pg'),
    passwordFile: path.join(root, 'secrets', 'database'),
    durable: false,
    maxConnections: 20,
  };
}

async function removeRoot(): Promise<void> {
  await orphan().catch(() => undefined);
  await stopLeftOverPostgres(options.dataDir);
  await rm(root, { recursive: true, force: true });
}

describe('the embedded PostgreSQL', () => {
  beforeAll(makeRoot);
  afterAll(removeRoot);

  it('starts on loopback with a password and keeps its data over a restart', async () => {
    const first = await startEmbeddedPostgres(options);
    expect(first).toMatchObject({ version: '18', adopted: false });
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect(await query(first.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    await first.stop();
    await expect(query(first.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');

    const second = await startEmbeddedPostgres(options);
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await second.stop();
  });

  it('keeps commits on disk when durable, and only then', async () => {
    const settings = `SELECT string_agg(setting, ',' ORDER BY name) AS set FROM pg_settings
      WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')`;
    const durable = await startEmbeddedPostgres({ ...options, durable: true });
    expect(await query(durable.url, settings)).toEqual([{ set: 'on,on,on' }]);
    await durable.stop();
    const fast = await startEmbeddedPostgres(options);
    expect(await query(fast.url, settings)).toEqual([{ set: 'off,off,off' }]);
    await fast.stop();
  });

  it('shares the server of a living process and does not stop it for that process', async () => {
    const [launcher, printed] = await launcherProcess();
    const visitor = await startEmbeddedPostgres(options);
    expect(visitor).toMatchObject({ adopted: true, url: printed });
    await visitor.stop();
    expect(await query(printed, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    launcher.kill('SIGKILL');
    await once(launcher, 'close');
    await stopLeftOverPostgres(options.dataDir);
  });

  it('takes over the server that a killed process left running, and stops it', async () => {
    const [launcher, printed] = await launcherProcess();
    launcher.kill('SIGKILL');
    await once(launcher, 'close');
    const next = await startEmbeddedPostgres(options);
    expect(next).toMatchObject({ adopted: true, url: printed });
    await next.stop();
    await expect(query(next.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('restarts a left-over server that runs with other settings', async () => {
    await startEmbeddedPostgres(options);
    await orphan();
    const next = await startEmbeddedPostgres({ ...options, durable: true });
    expect(next.adopted).toBe(false);
    expect(await query(next.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    await next.stop();
  });

  it('recovers after the server itself was killed', async () => {
    const first = await startEmbeddedPostgres({ ...options, durable: true });
    await query(first.url, 'CREATE TABLE survivor AS SELECT 42 AS answer');
    process.kill(await pidOf(options.dataDir), 'SIGKILL');
    while ((await runningEmbeddedPostgres(options)) !== null) await setImmediate(); // The signal is on its way.
    const second = await startEmbeddedPostgres({ ...options, durable: true });
    expect(await query(second.url, 'SELECT answer FROM survivor')).toEqual([{ answer: 42 }]);
    await second.stop();
  });

  it('starts although the process id in postmaster.pid belongs to somebody else by now', async () => {
    await (await startEmbeddedPostgres(options)).stop();
    const written = [process.pid, options.dataDir, 1, 5432, '', '127.0.0.1', '', 'ready   ', ''];
    await writeFile(path.join(options.dataDir, 'postmaster.pid'), written.join('\n'));
    const server = await startEmbeddedPostgres(options);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
  });
});

describe('a new embedded PostgreSQL', () => {
  beforeEach(makeRoot);
  afterEach(removeRoot);

  it('makes a password file only its owner reads, refuses another password and leaves no copy', async () => {
    const server = await startEmbeddedPostgres(options);
    expect((await stat(options.passwordFile)).mode & 0o777).toBe(0o600);
    const wrong = new URL(server.url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect(await readdir(root)).toEqual(['pg', 'pg.log', 'secrets']);
    await server.stop();
  });

  it('runs one server when two starts race on an empty directory', async () => {
    const both = await Promise.all([startEmbeddedPostgres(options), startEmbeddedPostgres(options)]);
    expect(both[0].url).toBe(both[1].url);
    expect(await query(both[0].url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await both[0].stop();
  });

  it('shows a visitor the running server, and null when there is none', async () => {
    expect(await runningEmbeddedPostgres(options)).toBeNull();
    const server = await startEmbeddedPostgres(options);
    expect(await runningEmbeddedPostgres(options)).toEqual({ url: server.url });
    await server.stop();
    expect(await runningEmbeddedPostgres(options)).toBeNull();
  });

  it('refuses a cluster whose password is missing, and one of another version, and says what to do', async () => {
    await (await startEmbeddedPostgres(options)).stop();
    await writeFile(path.join(options.dataDir, 'PG_VERSION'), '17\n');
    await expect(startEmbeddedPostgres(options)).rejects.toMatchObject({ name: 'StartError', exitCode: 70 });
    await writeFile(path.join(options.dataDir, 'PG_VERSION'), '18\n');
    await rm(options.passwordFile);
    const refused = startEmbeddedPostgres(options);
    await expect(refused).rejects.toMatchObject({ exitCode: 78 });
    await expect(refused).rejects.toThrow(options.passwordFile);
  });

  it('refuses a directory that holds something else and leaves it as it was', async () => {
    await rm(root, { recursive: true });
    const dataDir = path.dirname(options.passwordFile);
    const given = { ...options, dataDir, passwordFile: path.join(root, 'password') };
    await mkdir(dataDir, { recursive: true });
    await writeFile(path.join(dataDir, 'letter.txt'), 'mine');
    await expect(startEmbeddedPostgres(given)).rejects.toMatchObject({ exitCode: 78 });
    expect(await readdir(dataDir)).toEqual(['letter.txt']);
  });
});

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('the embedded PostgreSQL under root (left out for other users)', () => {
  beforeEach(makeRoot);
  afterEach(removeRoot);

  it.each([
    ['as nobody where others may enter', 0o755, 65_534],
    ['in a user namespace below a directory that is closed to others', 0o700, 0],
  ])('runs %s, without a user made on the host', async (_where, mode, owner) => {
    const users = await readFile('/etc/passwd', 'utf8');
    await chmod(root, mode);
    const server = await startEmbeddedPostgres(options);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await stat(options.dataDir)).uid).toBe(owner);
    await server.stop();
    expect(await readFile('/etc/passwd', 'utf8')).toBe(users);
  });

  it('moves a cluster along when its directory is closed to others later', async () => {
    await chmod(root, 0o755);
    await (await startEmbeddedPostgres(options)).stop();
    await chmod(root, 0o700);
    const server = await startEmbeddedPostgres(options);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
  });
});
