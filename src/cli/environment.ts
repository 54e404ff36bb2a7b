import { readFileSync } from 'node:fs';

import type { INestApplicationContext } from '@nestjs/common';

import { createContext } from '../app.js';
import { SystemClock } from '../platform/clock/index.js';
import { loadConfig, type Config } from '../platform/config/index.js';
import { createLogger } from '../platform/logging/index.js';
import { runningEmbeddedPostgres, startEmbeddedPostgres } from '../platform/postgres/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { initialiseSecrets } from '../secrets.js';
import { embeddedPaths } from '../serve.js';

const PACKAGE = new URL('../../../package.json', import.meta.url);

/** The release this process runs. */
export function version(): string {
  return (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
}

/** The configuration of the environment, with options of the command line on top. */
export function configuration(overrides: Readonly<Record<string, string | undefined>> = {}): Config {
  // The one place that reads the environment of a command; everything else receives slices.
  // eslint-disable-next-line no-restricted-syntax
  return loadConfig({ ...process.env, ...overrides }, version());
}

/** What only commands know of the environment: where the server is and with which access token to talk to it. */
export function commandEnvironment(): { readonly url: string | undefined; readonly token: string | undefined } {
  // eslint-disable-next-line no-restricted-syntax -- see above
  const { AIP_URL: url, AIP_TOKEN: token } = process.env;
  return { url, token };
}

/** The value of a variable that the command line names, for secrets that must not stand on it. */
export function environmentVariable(name: string): string | undefined {
  // eslint-disable-next-line no-restricted-syntax -- see above
  return process.env[name];
}

/** Runs `work` with the product's services on the database: the server's when it runs, else one started for the moment. */
export async function withServices<T>(
  work: (context: INestApplicationContext, config: Config) => Promise<T>,
  options: { /** Keys of new evidence logs may be made. */ readonly makesKeys?: boolean } = {},
): Promise<T> {
  const loaded = configuration();
  const config = options.makesKeys === true ? { ...loaded, audit: loaded.audit.makingKeys() } : loaded;
  initialiseSecrets(config);
  const database = await reachDatabase(config);
  const context = await createContext(
    { ...config, database: config.database.at(database.url) },
    createLogger('warn', new SystemClock()),
  );
  try {
    await context.get(ConfigSnapshots).start();
    return await work(context, config);
  } finally {
    await context.close();
    await database.stop();
  }
}

/** The URL of the database and how to leave it as it was found. */
export async function reachDatabase(config: Config): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (config.database.url !== null) return { url: config.database.url, stop: () => Promise.resolve() };
  const paths = embeddedPaths(config);
  const running = await runningEmbeddedPostgres(paths);
  if (running !== null) return { url: running.url, stop: () => Promise.resolve() };
  return startEmbeddedPostgres({ ...paths, durable: true, maxConnections: 100 });
}
