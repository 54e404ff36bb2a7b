import type { ChatRequest, SseEvent } from '../../../openai/index.js';
import type { Adapter, ReceivedBytes, UpstreamCall, WireRequest } from '../adapter.js';
import { AnswerExchange } from '../answer-exchange.js';
import { isJsonObject, isSet, objectOf, textOf, type JsonObject } from '../json-value.js';
import { ChatNormaliser } from '../normalise-chat.js';
import { readLimits } from './limits.js';
import { pathOf, quirksOf, type Quirks } from './quirks.js';
import { readReportedCost, readUsage } from './read-usage.js';
import { chatBody, chatGaps, ignoredMembers } from './request-body.js';

/** Headers of every JSON request; compression would have to be undone before a stream can be forwarded. */
export const JSON_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  accept: 'text/event-stream, application/json',
  'accept-encoding': 'identity',
};

/** Chat with vendors of OpenAI's own dialect: events that are valid go through byte for byte. */
export const openAiChat: Adapter = {
  from: 'openai',
  to: 'openai',
  operation: 'chat',
  gaps: (request, deployment) => chatGaps(request as ChatRequest, quirksOf(deployment), deployment),
  ignored: (request, deployment) => ignoredMembers(request as ChatRequest, quirksOf(deployment), deployment),
  cost: () => ({ inputTimes: 1, meters: ['inputAudio', 'outputAudio'] }),
  open: (call) => new OpenAiChatExchange(call),
  limits: readLimits,
  probe: (deployment) => probeOf(quirksOf(deployment)),
};

/** An unbilled request that every OpenAI-compatible vendor answers. */
export function probeOf(quirks: Quirks): WireRequest {
  return {
    method: 'GET',
    path: pathOf(quirks.probePath, quirks, null),
    headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    body: null,
  };
}

class OpenAiChatExchange extends AnswerExchange {
  readonly request: WireRequest;
  readonly #quirks: Quirks;
  readonly #outputBound: number;
  readonly #normaliser: ChatNormaliser;
  #hasAnswered = false;
  #outputTokens: number | null = null;
  #tier: string | null = null;

  constructor(call: UpstreamCall) {
    super();
    const request = call.request;
    this.#quirks = quirksOf(call.deployment);
    const { n } = request;
    this.#outputBound = Math.max(1, call.outputBound) * (typeof n === 'number' && n > 1 ? n : 1);
    this.#normaliser = new ChatNormaliser({ requestId: call.requestId, upstreamModel: call.deployment.upstreamModel });
    const body = Buffer.from(JSON.stringify(chatBody(call, this.#quirks)));
    const path = pathOf(this.#quirks.chatPath, this.#quirks, call.deployment);
    this.request = { method: 'POST', path, headers: JSON_HEADERS, body };
  }

  get received(): ReceivedBytes {
    return this.#normaliser.received;
  }

  event(event: SseEvent, json: unknown): void {
    if (event.data === '[DONE]') {
      this.close();
    } else if (!isJsonObject(json)) {
      if (event.data.trim() === '') return;
      this.malformed('one of its events is no JSON');
    } else if (event.event === 'error' || isSet(json['error'])) {
      this.#error(json);
    } else {
      this.#read(json, event.raw);
    }
  }

  body(json: unknown): void {
    if (!isJsonObject(json)) this.malformed('its answer is no object', 'maybe');
    else if (isSet(json['error'])) this.#error(json);
    else if (Array.isArray(json['choices'])) this.#read({ ...json, object: undefined }, null);
    else this.malformed('its answer has no choices', 'maybe');
  }

  close(): void {
    if (this.isOver) return;
    if (!this.#normaliser.isComplete) {
      this.failAs('truncated');
      return;
    }
    if (this.#outputTokens === 0 && this.billed !== 'no' && this.received.textBytes > 0) this.flag('zero_output');
    this.done();
  }

  #error(json: JsonObject): void {
    this.#readUsage(json);
    this.failInBody(json);
  }

  #read(json: JsonObject, raw: Uint8Array | null): void {
    const { chunk, isChanged, hasNullFingerprint, progress, finishes, failure } = this.#normaliser.read(
      json,
      this.reader.answeredAt,
    );
    const { model } = this.#normaliser;
    if (!this.#hasAnswered && model !== undefined) {
      this.#hasAnswered = true;
      this.emit({ kind: 'answered', model });
    }
    if (chunk !== null) {
      const bytes = hasNullFingerprint && raw !== null ? withoutFingerprint(raw) : raw;
      this.emit({ kind: 'chunk', chunk, raw: isChanged ? null : bytes, progress });
    }
    for (const { choice, reason } of finishes) this.emit({ kind: 'finish', choice, reason });
    this.#readUsage(json);
    if (failure !== null) this.failAs(failure.class, { vendorCode: failure.name });
  }

  #readUsage(json: JsonObject): void {
    this.#tier = textOf(json['service_tier']) ?? this.#tier;
    const { usage: plain } = json;
    const raw = isJsonObject(plain) ? plain : objectOf(json['x_groq'])['usage'];
    if (!isJsonObject(raw)) return;
    this.cost = readReportedCost(raw) ?? this.cost;
    const report = readUsage(raw, this.#quirks, this.#outputBound);
    const usage = report?.usage ?? null;
    if (usage !== null) this.#outputTokens = usage.output + usage.reasoning;
    this.report(report, this.#tier);
  }
}

const NULL_FINGERPRINT = Buffer.from('"system_fingerprint":null,');

/** The event without `"system_fingerprint":null`. Inside a JSON text the quotes would be escaped, so the bytes can only be the
 *  member. Null when it is written otherwise. */
function withoutFingerprint(raw: Uint8Array): Uint8Array | null {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const at = bytes.indexOf(NULL_FINGERPRINT);
  if (at < 0) return null;
  const cut = Buffer.allocUnsafe(bytes.length - NULL_FINGERPRINT.length);
  bytes.copy(cut, 0, 0, at);
  bytes.copy(cut, at, at + NULL_FINGERPRINT.length);
  return cut;
}
