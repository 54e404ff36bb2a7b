import type { ChatRequest, SseEvent } from '../../../openai/index.js';
import type {
  Adapter,
  DeploymentView,
  Emission,
  Exchange,
  HeaderView,
  ReceivedBytes,
  UpstreamCall,
  WireRequest,
} from '../adapter.js';
import { AnswerReader, type AnswerSink } from '../answer-reader.js';
import { classifyBody, classifyStatus, failureOf } from '../classify-failure.js';
import type { UpstreamFailure } from '../failure.js';
import { isJsonObject, objectOf, textOf, type JsonObject } from '../json-value.js';
import type { UsageAnomaly } from '../usage.js';
import { readLimits } from './limits.js';
import { MessageTranslator, type Translated } from './message-translator.js';
import { readUsage } from './read-usage.js';
import { ANSWER_TOOL, ignoredMembers, messagesBody, messagesGaps, structuredBy } from './request-body.js';

const VERSION = { 'anthropic-version': '2023-06-01', 'accept-encoding': 'identity' };

/** Chat with Anthropic's Messages. More than one choice per request is a gap in this release. */
export const anthropicChat: Adapter = {
  from: 'openai',
  to: 'anthropic',
  operation: 'chat',
  gaps: (request, deployment) => messagesGaps(request as ChatRequest, deployment),
  ignored: (request) => ignoredMembers(request as ChatRequest),
  cost: () => ({ inputTimes: 1, meters: ['cacheWrite1h', 'webSearch'] }),
  open: (call) => new MessagesExchange(call),
  limits: readLimits,
  probe: (deployment) => ({
    method: 'GET',
    path: `${versionPath(deployment)}/models`,
    headers: { ...VERSION, accept: 'application/json' },
    body: null,
  }),
};

/** The version belongs to the path, not to the base URL that Anthropic's own clients are given; both forms work. */
function versionPath({ baseUrl }: DeploymentView): string {
  return baseUrl.endsWith('/v1') ? '' : '/v1';
}

class MessagesExchange implements Exchange, AnswerSink {
  readonly request: WireRequest;
  readonly reportedCost = null;
  readonly #reader = new AnswerReader(this);
  readonly #translator: MessageTranslator;
  readonly #outputBound: number;
  readonly #anomalies: UsageAnomaly[] = [];
  #emissions: Emission[] = [];
  #rawUsage: JsonObject = {};
  #hasUsage = false;
  #hasFinish = false;
  #isOver = false;

  constructor(call: UpstreamCall) {
    const isAnswerTool = structuredBy(call.request as ChatRequest, call.deployment) === 'tool';
    this.#outputBound = Math.max(1, call.outputBound);
    this.#translator = new MessageTranslator({
      requestId: call.requestId,
      model: call.deployment.upstreamModel,
      answerTool: isAnswerTool ? ANSWER_TOOL : null,
    });
    const headers = { ...VERSION, 'content-type': 'application/json', accept: 'text/event-stream, application/json' };
    const body = Buffer.from(JSON.stringify(messagesBody(call)));
    this.request = { method: 'POST', path: `${versionPath(call.deployment)}/messages`, headers, body };
  }

  get received(): ReceivedBytes {
    return this.#translator.received;
  }

  get anomalies(): readonly UsageAnomaly[] {
    return this.#anomalies;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get billed(): 'no' | 'maybe' | 'yes' {
    if (this.#hasUsage) return 'yes';
    return this.received.textBytes + this.received.reasoningBytes > 0 ? 'maybe' : 'no';
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
    if (!isJsonObject(json)) {
      this.#malformed('one of its events is no JSON');
      return;
    }
    switch (json['type'] ?? event.event) {
      case 'message_start':
        this.#start(objectOf(json['message']));
        return;
      case 'content_block_start':
        this.#emit(this.#translator.startBlock(json['index'], objectOf(json['content_block'])));
        return;
      case 'content_block_delta':
        this.#emit(this.#translator.delta(json['index'], objectOf(json['delta'])));
        return;
      case 'content_block_stop':
        this.#emit(this.#translator.stopBlock(json['index']));
        return;
      case 'message_delta':
        this.#finish(textOf(objectOf(json['delta'])['stop_reason']), objectOf(json['usage']));
        return;
      case 'message_stop':
        this.#done();
        return;
      case 'error':
        this.fail({ kind: 'failure', failure: classifyBody(json, this.#reader.status, this.billed) });
    }
  }

  body(json: unknown): void {
    if (!isJsonObject(json)) this.#malformed('its answer is no object');
    else if (json['type'] === 'error') {
      this.fail({ kind: 'failure', failure: classifyBody(json, this.#reader.status, 'no') });
    } else if (!Array.isArray(json['content'])) this.#malformed('its answer has no content');
    else {
      this.#noteStart(json);
      for (const translated of this.#translator.whole(json, this.#reader.answeredAt)) this.#emit(translated);
      this.#finish(textOf(json['stop_reason']), {});
      this.#done();
    }
  }

  /** The body ended without `message_stop`. */
  close(): void {
    if (this.#isOver) return;
    this.fail({
      kind: 'failure',
      failure: failureOf('truncated', { status: this.#reader.status, billed: this.billed }),
    });
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

  #malformed(reason: string): void {
    this.fail({
      kind: 'failure',
      failure: failureOf('malformed', { status: this.#reader.status, billed: this.billed, reason }),
    });
  }

  #emit(translated: Translated | null): void {
    if (translated !== null) this.#emissions.push({ kind: 'chunk', raw: null, ...translated });
  }

  #start(message: JsonObject): void {
    this.#noteStart(message);
    this.#emit(this.#translator.start(message, this.#reader.answeredAt));
  }

  #noteStart(message: JsonObject): void {
    this.#rawUsage = objectOf(message['usage']);
    const model = textOf(message['model']);
    if (model !== undefined) this.#emissions.push({ kind: 'answered', model });
  }

  /** The first report knows the input, the last one the output; members of the last win. */
  #finish(stopReason: string | undefined, usage: JsonObject): void {
    if (stopReason !== undefined && !this.#hasFinish) {
      this.#hasFinish = true;
      const { chunk, reason } = this.#translator.finish(stopReason);
      this.#emissions.push(
        { kind: 'chunk', chunk, raw: null, progress: 'none' },
        { kind: 'finish', choice: 0, reason },
      );
    }
    const present = Object.entries(usage).filter(([, value]) => value !== null);
    this.#rawUsage = { ...this.#rawUsage, ...Object.fromEntries(present) };
    const report = readUsage(this.#rawUsage, this.#outputBound);
    if (report === null) return;
    if (report.anomaly !== null && !this.#anomalies.includes(report.anomaly)) this.#anomalies.push(report.anomaly);
    if (report.usage === null) return;
    this.#hasUsage = true;
    this.#emissions.push({
      kind: 'usage',
      usage: report.usage,
      billedTier: textOf(this.#rawUsage['service_tier']) ?? null,
    });
  }

  #done(): void {
    if (!this.#hasFinish) {
      this.close();
      return;
    }
    this.#isOver = true;
    this.#emissions.push({ kind: 'done' });
  }
}
