import type { ChatRequest, SseEvent } from '../../../openai/index.js';
import type { Adapter, Emission, Exchange, HeaderView, ReceivedBytes, UpstreamCall, WireRequest } from '../adapter.js';
import { AnswerReader, type AnswerSink } from '../answer-reader.js';
import { classifyBody, classifyStatus, failureOf } from '../classify-failure.js';
import type { UpstreamFailure } from '../failure.js';
import { isJsonObject, isSet, objectOf, textOf, type JsonObject } from '../json-value.js';
import { ChatNormaliser } from '../normalise-chat.js';
import type { UsageAnomaly } from '../usage.js';
import { readLimits } from './limits.js';
import { quirksOf, type Quirks } from './quirks.js';
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
export function probeOf({ probePath }: Quirks): WireRequest {
  return {
    method: 'GET',
    path: probePath,
    headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    body: null,
  };
}

class OpenAiChatExchange implements Exchange, AnswerSink {
  readonly request: WireRequest;
  readonly #quirks: Quirks;
  readonly #outputBound: number;
  readonly #normaliser: ChatNormaliser;
  readonly #reader = new AnswerReader(this);
  readonly #anomalies: UsageAnomaly[] = [];
  #emissions: Emission[] = [];
  #isOver = false;
  #hasUsage = false;
  #hasAnswered = false;
  #outputTokens: number | null = null;
  #tier: string | null = null;
  #cost: string | null = null;

  constructor(call: UpstreamCall) {
    const request = call.request;
    this.#quirks = quirksOf(call.deployment);
    const { n } = request;
    this.#outputBound = Math.max(1, call.outputBound) * (typeof n === 'number' && n > 1 ? n : 1);
    this.#normaliser = new ChatNormaliser({ requestId: call.requestId, upstreamModel: call.deployment.upstreamModel });
    const body = Buffer.from(JSON.stringify(chatBody(call, this.#quirks)));
    this.request = { method: 'POST', path: this.#quirks.chatPath, headers: JSON_HEADERS, body };
  }

  get received(): ReceivedBytes {
    return this.#normaliser.received;
  }

  get anomalies(): readonly UsageAnomaly[] {
    return this.#anomalies;
  }

  get reportedCost(): string | null {
    return this.#cost;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get billed(): 'no' | 'maybe' | 'yes' {
    if (this.#hasUsage) return 'yes';
    const { textBytes, reasoningBytes } = this.received;
    return textBytes + reasoningBytes > 0 ? 'maybe' : 'no';
  }

  accept(status: number, headers: HeaderView): readonly Emission[] {
    this.#reader.accept(status, headers);
    return this.#take();
  }

  push(bytes: Uint8Array): readonly Emission[] {
    this.#reader.push(bytes);
    return this.#take();
  }

  end(): readonly Emission[] {
    this.#reader.end();
    return this.#take();
  }

  classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classifyStatus(status, headers, body);
  }

  event(event: SseEvent, json: unknown): void {
    if (event.data === '[DONE]') {
      this.close();
    } else if (!isJsonObject(json)) {
      if (event.data.trim() === '') return;
      this.#fail(
        failureOf('malformed', {
          status: this.#reader.status,
          billed: this.billed,
          reason: 'one of its events is no JSON',
        }),
      );
    } else if (event.event === 'error' || isSet(json['error'])) {
      this.#error(json);
    } else {
      this.#read(json, event.raw);
    }
  }

  body(json: unknown): void {
    if (!isJsonObject(json)) {
      this.#fail(
        failureOf('malformed', { status: this.#reader.status, billed: 'maybe', reason: 'its answer is no object' }),
      );
    } else if (isSet(json['error'])) this.#error(json);
    else if (Array.isArray(json['choices'])) this.#read({ ...json, object: undefined }, null);
    else {
      this.#fail(
        failureOf('malformed', { status: this.#reader.status, billed: 'maybe', reason: 'its answer has no choices' }),
      );
    }
  }

  close(): void {
    if (this.#isOver) return;
    if (!this.#normaliser.isComplete) {
      this.#fail(failureOf('truncated', { status: this.#reader.status, billed: this.billed }));
      return;
    }
    if (this.#outputTokens === 0 && this.billed !== 'no' && this.received.textBytes > 0) this.#flag('zero_output');
    this.#isOver = true;
    this.#emissions.push({ kind: 'done' });
  }

  fail(emission: Emission & { kind: 'failure' }): void {
    this.#isOver = true;
    this.#emissions.push(emission);
  }

  #take(): readonly Emission[] {
    const emissions = this.#emissions;
    this.#emissions = [];
    return emissions;
  }

  #fail(failure: UpstreamFailure): void {
    this.fail({ kind: 'failure', failure });
  }

  #flag(anomaly: UsageAnomaly): void {
    if (!this.#anomalies.includes(anomaly)) this.#anomalies.push(anomaly);
  }

  #error(json: JsonObject): void {
    this.#readUsage(json);
    this.#fail(classifyBody(json, this.#reader.status, this.billed));
  }

  #read(json: JsonObject, raw: Uint8Array | null): void {
    const { chunk, isChanged, hasNullFingerprint, progress, finishes, failure } = this.#normaliser.read(
      json,
      this.#reader.answeredAt,
    );
    const { model } = this.#normaliser;
    if (!this.#hasAnswered && model !== undefined) {
      this.#hasAnswered = true;
      this.#emissions.push({ kind: 'answered', model });
    }
    if (chunk !== null) {
      const bytes = hasNullFingerprint && raw !== null ? withoutFingerprint(raw) : raw;
      this.#emissions.push({ kind: 'chunk', chunk, raw: isChanged ? null : bytes, progress });
    }
    for (const { choice, reason } of finishes) this.#emissions.push({ kind: 'finish', choice, reason });
    this.#readUsage(json);
    if (failure === null) return;
    const facts = { status: this.#reader.status, billed: this.billed, vendorCode: failure.name };
    this.#fail(failureOf(failure.class, facts));
  }

  #readUsage(json: JsonObject): void {
    this.#tier = textOf(json['service_tier']) ?? this.#tier;
    const { usage: plain } = json;
    const raw = isJsonObject(plain) ? plain : objectOf(json['x_groq'])['usage'];
    if (!isJsonObject(raw)) return;
    this.#cost = readReportedCost(raw) ?? this.#cost;
    const report = readUsage(raw, this.#quirks, this.#outputBound);
    if (report === null) return;
    if (report.anomaly !== null) this.#flag(report.anomaly);
    if (report.usage === null) return;
    this.#hasUsage = true;
    this.#outputTokens = report.usage.output + report.usage.reasoning;
    this.#emissions.push({ kind: 'usage', usage: report.usage, billedTier: this.#tier });
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
