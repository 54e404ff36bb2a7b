import { createServer } from 'node:net';
import path from 'node:path';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { MIGRATIONS } from '../migrations/index.js';
import { createApp } from './app.js';
import type { RunnableConfig } from './runnable-config.js';
import { CommandError, EXIT } from './cli/exit-codes.js';
import { DemoService, type Inject } from './demo/index.js';
import { GatewayService } from './gateway/index.js';
import { Readiness } from './health/index.js';
import type { Config } from './platform/config/index.js';
import { migrationStatus, runMigrations } from './platform/database/index.js';
import type { Logger } from './platform/logging/index.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './platform/postgres/index.js';
import { ConfigSnapshots } from './platform/snapshot/index.js';
import { ReplicaService } from './platform/replica/index.js';
import { initialiseSecrets } from './secrets.js';

/** A running replica. */
export interface Replica {
  readonly app: NestFastifyApplication;
  /** Where it listens: `http://127.0.0.1:4100`. */
  readonly url: string;
  readonly database: string;
  readonly partners: { readonly simulated: number; readonly real: number };
  readonly demo: boolean;
  /** Finishes running answers, flushes money and evidence, stops what was started. Safe to call twice. */
  stop(): Promise<void>;
}

/** Where the database's files and its password are. */
export function embeddedPaths(config: Config): { readonly dataDir: string; readonly passwordFile: string } {
  return { dataDir: path.join(config.data.dataDir, 'pg'), passwordFile: path.join(config.data.secretsDir, 'database') };
}

async function requireFreePort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', () => {
      reject(
        new CommandError(
          `Port ${String(port)} on ${host} is in use. Choose another with --port or AIP_PORT.`,
          EXIT.unavailable,
        ),
      );
    });
    probe.listen({ host, port, exclusive: true }, () =>
      probe.close(() => {
        resolve();
      }),
    );
  });
}

/** The database to use, started when it is the embedded one. */
export async function openDatabase(
  config: Config,
): Promise<{ config: RunnableConfig; embedded: EmbeddedPostgres | null }> {
  if (config.database.url !== null) return { config: config as RunnableConfig, embedded: null };
  const embedded = await startEmbeddedPostgres({ ...embeddedPaths(config), durable: true, maxConnections: 100 });
  return { config: { ...config, database: config.database.at(embedded.url) }, embedded };
}

/** Brings the schema up to date; in production that is a step of its own. */
async function migrate(config: RunnableConfig): Promise<void> {
  if (!config.server.production) {
    await runMigrations(config.database.url, MIGRATIONS);
    return;
  }
  const { pending } = await migrationStatus(config.database.url, MIGRATIONS);
  if (pending.length > 0) {
    throw new CommandError(`${String(pending.length)} migrations are pending. Run: aip migrate up`, EXIT.configuration);
  }
}

/** Starts one replica, in the order of the first-run page: secrets, port, database, schema, evidence, demo, listener. */
export async function serve(given: Config, logger: Logger): Promise<Replica> {
  initialiseSecrets(given);
  await requireFreePort(given.server.host, given.server.port);
  const { config, embedded } = await openDatabase(given);
  let app: NestFastifyApplication | undefined;
  try {
    await migrate(config);
    app = await createApp(config, logger);
    await app.init();
    await app.get(ReplicaService).register();
    await app.get(ConfigSnapshots).start();
    await app.get(GatewayService).start();
    const demo = await app.get(DemoService).start(injectInto(app));
    await app.listen(config.server.port, config.server.host);
    app.get(Readiness).markStarted();
    return replicaOf(app, { config, embedded, demo });
  } catch (error) {
    await app?.close().catch(() => undefined);
    await embedded?.stop();
    throw error;
  }
}

/** Requests to the application without a socket. */
function injectInto(app: NestFastifyApplication): Inject {
  return async ({ method, url, headers, payload }) => {
    const { statusCode, body } = await app.inject({
      method,
      url,
      headers: { ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    return { statusCode, body };
  };
}

interface Started {
  readonly config: RunnableConfig;
  readonly embedded: EmbeddedPostgres | null;
  readonly demo: { readonly active: boolean; readonly simulated: number; readonly real: number };
}

function replicaOf(app: NestFastifyApplication, { config, embedded, demo }: Started): Replica {
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    app.get(Readiness).markDraining();
    await app.get(GatewayService).drain(config.server.drainSeconds);
    await app.close();
    await embedded?.stop();
  };
  return {
    app,
    url: new URL(config.server.publicUrl).port === '0' ? boundUrl(app) : config.server.publicUrl,
    database: embedded === null ? 'PostgreSQL at DATABASE_URL' : `embedded PostgreSQL ${embedded.version}`,
    partners: demo,
    demo: demo.active,
    stop: () => (stopping ??= stop()),
  };
}

function boundUrl(app: NestFastifyApplication): string {
  const address = app.getHttpServer().address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port');
  return `http://${address.address}:${String(address.port)}`;
}
