import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import pg from 'pg';

import { MIGRATIONS } from '../../migrations/index.js';
import { runMigrations } from '../../src/platform/database/index.js';
import { startEmbeddedPostgres, stopLeftOverPostgres } from '../../src/platform/postgres/index.js';

const PREFIX = 'aip-test-pg-';

/** The server of one test run. */
export interface TestCluster {
  /** Database with the whole schema and no data; nobody stays connected to it. */
  readonly templateUrl: string;
  close(): Promise<void>;
}

/** `url` with another database name. */
export function withDatabaseName(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** Runs SQL outside a transaction on a connection of its own. */
export async function runSql(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Servers and files of runs that were killed: their names carry the id of the process that made them. */
async function sweepDeadRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    const root = path.join(tmpdir(), name);
    await stopLeftOverPostgres(settings(root).dataDir);
    await rm(root, { recursive: true, force: true });
  }
}

function settings(root: string): Parameters<typeof startEmbeddedPostgres>[0] {
  return {
    dataDir: path.join(root, 'data'),
    passwordFile: path.join(root, 'password'),
    durable: false,
    maxConnections: 300,
  };
}

async function migrateTemplate(serverUrl: string, name: string): Promise<string> {
  const templateUrl = withDatabaseName(serverUrl, name);
  await runSql(serverUrl, `CREATE DATABASE ${name}`);
  await runMigrations(templateUrl, MIGRATIONS);
  return templateUrl;
}

/** Opens the server of this run: `givenUrl` (a login that may create databases and roles), else an embedded one of its own. */
export async function openTestCluster(givenUrl: string | undefined): Promise<TestCluster> {
  const name = `aip_template_${String(process.pid)}`;
  if (givenUrl !== undefined && givenUrl !== '') {
    const templateUrl = await migrateTemplate(givenUrl, name);
    return { templateUrl, close: () => runSql(givenUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
  }
  await sweepDeadRuns();
  const root = await mkdtemp(path.join(tmpdir(), `${PREFIX}${String(process.pid)}-`));
  const server = await startEmbeddedPostgres(settings(root));
  const close = async (): Promise<void> => {
    await server.stop();
    await rm(root, { recursive: true, force: true });
  };
  try {
    return { templateUrl: await migrateTemplate(server.url, name), close };
  } catch (error) {
    await close();
    throw error;
  }
}
