import { createHash, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, type ServerResponse } from 'node:http';

import { newId } from '../../platform/ids/index.js';

import { anthropicDialect } from './anthropic-dialect.js';
import { type Bill, billLineToWire } from './bill.js';
import { type Dialect, Refusal } from './dialect.js';
import { isJsonObject, type JsonObject } from './json-object.js';
import { openAiDialect } from './openai-dialect.js';
import { PartnerModel, type PartnerContext, type Visit } from './partner-model.js';

const MAX_BODY_BYTES = 33_554_432;
const MAX_REQUEST_ID = 128;

/** The front desk of one partner: credential, routes, bodies, refusals. Everything behind it is the model's. */
export class PartnerDesk {
  readonly #dialect: Dialect;
  readonly #model: PartnerModel;
  readonly #credentialHash: Buffer;

  constructor(
    private readonly context: PartnerContext,
    private readonly bill: Bill,
    credential: string,
  ) {
    this.#dialect = context.partner.dialect === 'openai' ? openAiDialect : anthropicDialect;
    this.#model = new PartnerModel(context, this.#dialect, bill);
    this.#credentialHash = digest(credential);
  }

  /** Serves one request; never rejects. What is no refusal becomes the vendor's 500. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => {
      gone.abort();
    });
    const requestId = newId();
    response.setHeader('x-simulated', 'true');
    response.setHeader(this.context.partner.dialect === 'openai' ? 'x-request-id' : 'request-id', `req_${requestId}`);
    try {
      await this.#route({ request, response, signal: gone.signal, requestId });
    } catch (error) {
      if (gone.signal.aborted) return;
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'server', 'The simulation failed.');
      this.#refuse(response, refusal, requestId);
    }
  }

  async #route(
    call: Omit<Visit, 'callerRequestId' | 'arrivedAtMs'> & { readonly request: IncomingMessage },
  ): Promise<void> {
    const { request, response } = call;
    this.#checkCredential(request);
    const { basePath, dialect, models } = this.context.partner;
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const route = `${request.method ?? ''} ${path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : `~${path}`}`;
    const visit = { ...call, callerRequestId: callerRequestId(request), arrivedAtMs: this.context.clock.nowMs() };
    switch (`${dialect} ${route}`) {
      case 'openai POST /chat/completions':
      case 'anthropic POST /v1/messages':
        return this.#model.chat(visit, await readJson(request));
      case 'openai POST /embeddings':
        return this.#model.embeddings(visit, await readJson(request));
      case 'openai GET /models':
      case 'anthropic GET /v1/models':
        sendJson(response, 200, this.#dialect.models(models));
        return;
      case `${dialect} GET ~/__bill`:
        sendJson(response, 200, { lines: this.bill.lines().map(billLineToWire) });
        return;
      default:
        throw new Refusal(404, 'not_found', `Unknown request URL: ${request.method ?? ''} ${path}.`);
    }
  }

  #checkCredential(request: IncomingMessage): void {
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const key = request.headers['x-api-key'];
    const given = bearer ?? (typeof key === 'string' ? key : '');
    if (timingSafeEqual(digest(given), this.#credentialHash)) return;
    throw new Refusal(401, 'authentication', 'Incorrect API key provided. This is a simulated partner.');
  }

  #refuse(response: ServerResponse, refusal: Refusal, requestId: string): void {
    if (response.headersSent) {
      response.socket?.destroy();
      return;
    }
    const seconds = refusal.options.retryAfterSeconds;
    if (seconds !== undefined) response.setHeader('retry-after', String(Math.ceil(seconds)));
    if (refusal.status === 413) response.setHeader('connection', 'close');
    sendJson(response, refusal.status, this.#dialect.error(refusal, `req_${requestId}`));
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function callerRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' ? given.slice(0, MAX_REQUEST_ID) : '';
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<JsonObject> {
  const tooLarge = new Refusal(413, 'too_large', 'The request body is larger than 32 MiB.');
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  const body = parseJson(Buffer.concat(chunks).toString());
  if (!isJsonObject(body)) throw new Refusal(400, 'invalid', 'The request body is not a JSON object.');
  return body;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
