import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { AppError, asAppError, type ErrorCode } from '../errors/index.js';
import { errorHeaders, openAiError, problem } from './error-envelopes.js';

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_value',
  401: 'invalid_token',
  403: 'insufficient_scope',
  404: 'unknown_url',
  405: 'method_not_allowed',
  413: 'request_too_large',
  415: 'unsupported_media_type',
};

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  unknown_url: 'There is nothing at this address. GET /docs lists what there is.',
  request_too_large: 'The body is larger than this server accepts.',
  unsupported_media_type: 'Send the body as application/json.',
  method_not_allowed: 'This address exists, but not for this method.',
};

/** Turns whatever was thrown into an entry of the catalogue. Framework errors carry only their status over. `bodyLimit`:
 *  bytes the address accepts, named when a body was larger. */
export function toAppError(error: unknown, bodyLimit?: number): AppError {
  if (error instanceof AppError) return error;
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown } | null)?.statusCode;
  const code = typeof status === 'number' ? BY_STATUS[status] : undefined;
  if (code === undefined) return asAppError(error);
  if (code === 'request_too_large' && bodyLimit !== undefined) {
    return new AppError(code, `The body is larger than the ${String(bodyLimit)} bytes accepted here.`, {
      cause: error,
    });
  }
  return new AppError(code, MESSAGES[code] ?? 'The request could not be understood.', { cause: error });
}

/** The one exception filter: one catalogue, and the envelope that the path calls for. GraphQL formats its own. */
@Catch()
export class ExceptionToEnvelopeFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    if (host.getType<string>() === 'graphql') throw thrown;
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = toAppError(thrown, request.routeOptions.bodyLimit);
    request.logFacts.errorCode = error.code;
    request.logFacts.error = error;
    const path = request.url.split('?', 1)[0] ?? '/';
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    const openAi = path.startsWith('/v1/');
    void reply
      .status(error.entry.status)
      .headers(errorHeaders(error))
      .header('content-type', openAi ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(openAi ? openAiError(error, request.id) : problem(error, { requestId: request.id, path })));
  }
}
