import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { GatewayConfig } from '../../platform/config/index.js';
import { AppError } from '../../platform/errors/index.js';
import { parseJsonBody } from '../../platform/http/index.js';
import type { Principal } from '../../platform/security/index.js';
import type { IncomingChat, IncomingEmbedding } from '../domain/incoming-call.js';
import { readChatBody, readEmbeddingBody } from './call-body.input.js';
import { readWish } from './call-wish.input.js';

/** Reads a request of `/v1` once: bytes, JSON, members we know, wishes. */
@Injectable()
export class CallReader {
  constructor(private readonly config: GatewayConfig) {}

  /** @throws AppError invalid_json, invalid_value, unknown_parameter */
  chat(request: FastifyRequest, principal: Principal): IncomingChat {
    const rawBody = bodyOf(request);
    const { request: chat, aip, ignored } = readChatBody(parseJsonBody(rawBody), this.config.unknownFields);
    return {
      ...frame(request, principal),
      operation: 'chat',
      request: chat,
      rawBody,
      ignored,
      wish: readWish(request.headers, aip),
    };
  }

  /** @throws AppError invalid_json, invalid_value, unknown_parameter */
  embeddings(request: FastifyRequest, principal: Principal): IncomingEmbedding {
    const rawBody = bodyOf(request);
    const { request: embedding, aip, ignored } = readEmbeddingBody(parseJsonBody(rawBody), this.config.unknownFields);
    return {
      ...frame(request, principal),
      operation: 'embeddings',
      request: embedding,
      rawBody,
      ignored,
      wish: readWish(request.headers, aip),
    };
  }
}

function frame(
  request: FastifyRequest,
  principal: Principal,
): Pick<IncomingChat, 'requestId' | 'clientRequestId' | 'principal' | 'clientIp' | 'startedAt'> {
  return {
    requestId: request.id,
    clientRequestId: request.clientRequestId,
    principal,
    clientIp: request.ip,
    startedAt: request.startedAt,
  };
}

function bodyOf(request: FastifyRequest): Buffer {
  if (Buffer.isBuffer(request.body) && request.body.length > 0) return request.body;
  throw new AppError('invalid_json', 'The body is empty. Send one JSON object as application/json.');
}
