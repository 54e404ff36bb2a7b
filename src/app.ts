import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { INestApplicationContext } from '@nestjs/common';

import { AppModule } from './app.module.js';
import type { RunnableConfig } from './runnable-config.js';
import { serveDocs } from './docs/index.js';
import { createAdapter, ExceptionToEnvelopeFilter, prepareServer, validationPipe } from './platform/http/index.js';
import { NestLogger, type Logger } from './platform/logging/index.js';
import { Metrics } from './platform/telemetry/index.js';

const MAX_HEADER_BYTES = 32 * 1024;
const MAX_REQUEST_MS = 600_000;

/** The whole product as an HTTP application: initialised, not yet listening. */
export async function createApp(config: RunnableConfig, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = createAdapter({
    maxBodyBytes: config.gateway.maxBodyBytes,
    maxHeaderBytes: MAX_HEADER_BYTES,
    requestTimeoutMs: MAX_REQUEST_MS,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.forRoot(config, logger), adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  const metrics = app.get(Metrics);
  metrics.buildInfo.set({ version: config.server.version, node: process.versions.node }, 1);
  prepareServer(app, logger, metrics);
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ExceptionToEnvelopeFilter());
  serveDocs(app);
  if (config.server.corsOrigins.length > 0) {
    app.enableCors({ origin: [...config.server.corsOrigins], credentials: false, maxAge: 600 });
  }
  return app;
}

/** The same modules without a listener, for commands. */
export async function createContext(config: RunnableConfig, logger: Logger): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(AppModule.forRoot(config, logger), {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
}
