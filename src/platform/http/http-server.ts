import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

import { AppError } from '../errors/index.js';
import { newId } from '../ids/index.js';
import type { Metrics } from '../telemetry/index.js';
import { parseJsonBody } from './json-body.js';

/** What the one log line of a request may say. Never prompts, answers, names, credentials. */
export interface RequestLogFacts {
  errorCode?: string;
  error?: AppError;
  orgId?: string;
  userId?: string;
  keyId?: string | null;
  model?: string;
  provider?: string;
  attempts?: number;
  outcome?: string;
  inputTokens?: number;
  outputTokens?: number;
  cost?: string;
  overheadMs?: number;
  ttftMs?: number | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    logFacts: RequestLogFacts;
    /** Start on the monotonic clock, milliseconds. */
    startedAt: number;
    /** The caller's own id of the request, when it sent a usable one. */
    clientRequestId: string | undefined;
  }
}

const CLIENT_ID = /^[A-Za-z0-9._-]{1,128}$/;
const RAW_PREFIX = '/v1/';

/** Limits of the HTTP server. */
export interface HttpLimits {
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  readonly requestTimeoutMs: number;
}

/** A Fastify adapter with our limits. `/v1` routes receive the body as bytes: it is parsed once, by the gateway. */
export function createAdapter(limits: HttpLimits): FastifyAdapter {
  return new FastifyAdapter({
    logger: false,
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: 75_000,
    http: { maxHeaderSize: limits.maxHeaderBytes },
    genReqId: () => newId(),
    routerOptions: { maxParamLength: 300 },
    forceCloseConnections: 'idle',
  });
}

/** Body parsers, identity of a request, its count and the wide log event. Call before `app.init()`. */
export function prepareServer(app: NestFastifyApplication, logger: Logger, metrics: Metrics): void {
  const server = app.getHttpAdapter().getInstance();
  registerBodyParsers(server);
  server.decorateRequest('logFacts', null as never);
  server.decorateRequest('startedAt', 0);
  server.decorateRequest('clientRequestId', undefined);
  server.addHook('onRequest', (request, reply, done) => {
    request.startedAt = performance.now();
    request.logFacts = {};
    const clientId = request.headers['x-request-id'];
    request.clientRequestId = typeof clientId === 'string' && CLIENT_ID.test(clientId) ? clientId : undefined;
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    if (!request.url.startsWith('/docs')) reply.header('cache-control', 'no-store');
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const { statusCode } = reply.raw;
    metrics.httpRequests.inc({ route: routeOf(request), code: String(statusCode) });
    logRequest(logger, request, statusCode);
    done();
  });
}

/** Raw bytes for `/v1` and documents, parsed JSON elsewhere, nothing else. */
function registerBodyParsers(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (request.url.startsWith(RAW_PREFIX) || isUpload(request)) {
      done(null, body);
      return;
    }
    try {
      done(null, body.length === 0 ? undefined : parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  server.addContentTypeParser('application/merge-patch+json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    if (isUpload(request)) done(null, body);
    else done(new AppError('unsupported_media_type', 'Send the body as application/json.'));
  });
}

/** A document is kept as the bytes it came in, whatever they are: also when they are JSON. */
function isUpload(request: FastifyRequest): boolean {
  return request.url.split('?', 1)[0] === '/api/documents';
}

/** The pattern of the route, never the path: it is a label, and paths hold ids. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unknown';
}

/** Writes the one event of a request: ERROR only when someone must act. */
export function logRequest(logger: Logger, request: FastifyRequest, status: number): void {
  const { error, ...facts } = request.logFacts;
  const event = {
    event: 'request',
    requestId: request.id,
    clientRequestId: request.clientRequestId,
    method: request.method,
    route: routeOf(request),
    status,
    durationMs: Math.round((performance.now() - request.startedAt) * 10) / 10,
    ...facts,
  };
  if (status < 500) {
    logger.info(event);
    return;
  }
  const cause = error?.cause;
  const detail = error?.detail ?? (cause instanceof Error ? (cause.stack ?? cause.message) : undefined);
  if (status === 500) logger.error({ ...event, detail });
  else logger.warn({ ...event, detail });
}
