import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { formatReceipt } from '../../audit/index.js';
import { AuditConfig } from '../../platform/config/index.js';
import { AppError, asAppError } from '../../platform/errors/index.js';
import { logRequest, openAiError, toAppError } from '../../platform/http/index.js';
import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { toWireMoney } from '../../platform/money/index.js';
import { CallerGoneError, TornStreamError } from '../../providers/index.js';
import type { IncomingCall } from '../domain/incoming-call.js';
import { responseHeaders } from '../domain/response-headers.js';
import { fingerprintOf, readIdempotencyKey } from '../idempotency/idempotency-key.js';
import { IdempotencyService, type KeptAnswer, type KeyClaim } from '../idempotency/idempotency.service.js';
import { CallLine } from '../pipeline/call-line.js';
import { shownUsage } from '../pipeline/completion.js';
import { CallTrace } from '../pipeline/call-trace.js';
import type { Rendering } from '../pipeline/rendering.js';
import { Refusals } from '../settlement/refusals.js';
import { EventStreamWriter } from './answer-writer.js';
import { callMetrics } from './call-metrics.js';
import { Metrics } from '../../platform/telemetry/index.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Runs the line for one HTTP request and writes what it yields: a stream, a body, or the error that the stage deserves. */
@Injectable()
export class CallAnswerer {
  constructor(
    private readonly line: CallLine,
    private readonly idempotency: IdempotencyService,
    private readonly refusals: Refusals,
    private readonly audit: AuditConfig,
    private readonly metrics: Metrics,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** Answers and resolves when the last byte is handed over or the caller is gone.
   *  @throws AppError — refused before the first byte: the exception filter answers */
  async answer(
    call: IncomingCall,
    http: { readonly request: FastifyRequest; readonly reply: FastifyReply },
    rendering: Rendering,
  ): Promise<void> {
    const claim = await this.#claim(call, http);
    if (claim === 'replayed') return;
    const trace = new CallTrace(call, () => performance.now());
    const gone = new AbortController();
    const onClose = (): void => {
      if (!http.reply.raw.writableFinished) gone.abort();
    };
    http.reply.raw.once('close', onClose);
    try {
      const kept = await this.#write(trace, { ...http, rendering, signal: gone.signal, claim });
      if (claim !== undefined && kept !== 'kept') await this.#finishClaim(claim, kept);
    } catch (error) {
      // Only a call that no partner saw may run again under its key.
      if (claim !== undefined && (trace.upstream?.attempts.length ?? 0) === 0) await this.idempotency.free(claim);
      throw error;
    } finally {
      http.reply.raw.off('close', onClose);
      Object.assign(http.request.logFacts, trace.logFacts());
      callMetrics(this.metrics, trace);
    }
  }

  async #claim(
    call: IncomingCall,
    { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  ): Promise<KeyClaim | 'replayed' | undefined> {
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    if (key === undefined) return undefined;
    const { userId } = call.principal;
    const claim: KeyClaim = { subject: userId, key, requestId: call.requestId };
    const path = request.url.split('?', 1)[0] ?? request.url;
    const fingerprint = fingerprintOf({ method: request.method, path, body: call.rawBody, userId });
    const kept = await this.idempotency.claim({ ...claim, fingerprint });
    if (kept === undefined) return claim;
    await reply
      .status(kept.status)
      .headers({ ...kept.headers, 'Idempotency-Replayed': 'true' })
      .send(kept.body);
    return 'replayed';
  }

  async #finishClaim(claim: KeyClaim, kept: KeptAnswer | undefined): Promise<void> {
    if (kept === undefined) await this.idempotency.free(claim);
    else await this.idempotency.keep(claim, kept);
  }

  /** Resolves to the answer as it may be repeated, or `kept` when it is kept already; undefined when it must not be. */
  async #write(
    trace: CallTrace,
    http: {
      readonly request: FastifyRequest;
      readonly reply: FastifyReply;
      readonly rendering: Rendering;
      readonly signal: AbortSignal;
      readonly claim: KeyClaim | undefined;
    },
  ): Promise<KeptAnswer | 'kept' | undefined> {
    const { call } = trace;
    const parts = this.line.run(call, trace, http.rendering, http.signal);
    const isStream = call.operation === 'chat' && call.request.stream === true;
    try {
      return isStream ? await this.#stream(trace, parts, http) : await this.#body(trace, parts, http);
    } catch (error) {
      if (http.signal.aborted || error instanceof CallerGoneError) {
        this.#abandon(http.request, http.reply);
        return undefined;
      }
      const shown = toAppError(error);
      if (trace.upstream === undefined) this.refusals.note(trace, shown);
      throw error instanceof TornStreamError ? brokenAnswer(error) : withCharge(shown, trace);
    }
  }

  /** A collected answer is kept before it is sent: whoever repeats the request at once gets it too. */
  async #body(
    trace: CallTrace,
    parts: AsyncGenerator<Uint8Array, void>,
    { reply, claim }: { readonly reply: FastifyReply; readonly claim: KeyClaim | undefined },
  ): Promise<'kept'> {
    let body: Uint8Array | undefined;
    for await (const part of parts) body = part;
    if (body === undefined) throw new Error('A collected call ended without a body');
    const headers = { 'content-type': JSON_TYPE, ...responseHeaders(trace.headFacts(this.audit.durability)) };
    try {
      if (claim !== undefined) await this.idempotency.keep(claim, { status: 200, headers, body: Buffer.from(body) });
    } finally {
      // It is paid for: who asked gets it, whatever becomes of the copy.
      void reply.status(200).headers(headers).send(body);
    }
    return 'kept';
  }

  async #stream(
    trace: CallTrace,
    parts: AsyncGenerator<Uint8Array, void>,
    http: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  ): Promise<KeptAnswer> {
    const writer = new EventStreamWriter(http.reply.raw);
    const sent: Uint8Array[] = [];
    let held: Uint8Array | undefined;
    try {
      for await (const part of parts) {
        if (!writer.begun) this.#begin(writer, trace, http.reply);
        if (held !== undefined) await writer.write(held);
        // One part stays behind: the last one leaves together with `[DONE]`.
        held = trace.outcomeReceipt === undefined ? undefined : part;
        if (held === undefined) await writer.write(part);
        sent.push(part);
      }
    } catch (error) {
      if (!writer.begun || http.reply.raw.destroyed) throw error;
      this.#fail(writer, trace, error);
      logRequest(
        this.logger,
        Object.assign(http.request, { logFacts: { ...http.request.logFacts, ...trace.logFacts() } }),
        200,
      );
      return { status: 200, headers: {}, body: Buffer.alloc(0) };
    }
    writer.done(held);
    return this.#repeatable(trace, sent);
  }

  /** A stream's repeat is one response with the same events. */
  #repeatable(trace: CallTrace, sent: readonly Uint8Array[]): KeptAnswer {
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      ...responseHeaders(trace.headFacts(this.audit.durability)),
    };
    return { status: 200, headers, body: Buffer.concat([...sent, Buffer.from('data: [DONE]\n\n')]) };
  }

  #begin(writer: EventStreamWriter, trace: CallTrace, reply: FastifyReply): void {
    reply.hijack();
    const { 'AIP-Cost': _cost, ...headers } = responseHeaders(trace.headFacts(this.audit.durability));
    writer.begin({ 'x-request-id': trace.call.requestId, 'x-content-type-options': 'nosniff', ...headers });
  }

  /** The status line has left: the failure is an event, and no `[DONE]` follows. */
  #fail(writer: EventStreamWriter, trace: CallTrace, thrown: unknown): void {
    const error = thrown instanceof TornStreamError ? brokenAnswer(thrown) : asAppError(toAppError(thrown));
    const facts = chargeFacts(trace);
    const shown = openAiError(error, trace.call.requestId);
    writer.fail({ error: { ...shown.error, aip: { ...shown.error.aip, ...facts } } });
  }

  #abandon(request: FastifyRequest, reply: FastifyReply): void {
    if (!reply.sent) reply.hijack();
    request.logFacts.outcome = 'client_closed';
    reply.raw.destroy();
  }
}

/** What a failed call was charged on, once that is settled. */
function chargeFacts(trace: CallTrace): Readonly<Record<string, unknown>> {
  if (trace.charged === undefined || trace.charged.attempts.length === 0) return {};
  return {
    usage: shownUsage(trace.charged),
    ...(trace.cost === undefined ? {} : { cost: toWireMoney(trace.cost) }),
    ...(trace.outcomeReceipt === undefined ? {} : { audit: { receipt: formatReceipt(trace.outcomeReceipt) } }),
  };
}

/** The same refusal, with what its attempts cost. */
function withCharge(error: unknown, trace: CallTrace): unknown {
  const facts = chargeFacts(trace);
  if (!(error instanceof AppError) || Object.keys(facts).length === 0) return error;
  const { code, message, cause, detail, facts: known } = error;
  return new AppError(code, message, {
    ...known,
    aip: { ...known.aip, ...facts },
    ...(cause === undefined ? {} : { cause }),
    ...(detail === undefined ? {} : { detail }),
  });
}

function brokenAnswer({ failure, attempt }: TornStreamError): AppError {
  return new AppError(
    'all_providers_failed',
    `The answer of ${attempt.deployment.providerName} broke off: ${failure.publicMessage}`,
    {
      shouldRetry: false,
    },
  );
}
