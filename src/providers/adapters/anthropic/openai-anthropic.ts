import type { ChatRequest, SseEvent } from '../../../openai/index.js';
import type { Adapter, DeploymentView, ReceivedBytes, UpstreamCall, WireRequest } from '../adapter.js';
import { AnswerExchange } from '../answer-exchange.js';
import { choicesOf } from '../fan-out.js';
import { isJsonObject, objectOf, textOf, type JsonObject } from '../json-value.js';
import { readLimits } from './limits.js';
import { MessageTranslator, type Translated } from './message-translator.js';
import { readUsage } from './read-usage.js';
import { ANSWER_TOOL, ignoredMembers, messagesBody, messagesGaps, structuredBy } from './request-body.js';

const VERSION = { 'anthropic-version': '2023-06-01', 'accept-encoding': 'identity' };

/** Chat with Anthropic's Messages. Several choices are as many requests. */
export const anthropicChat: Adapter = {
  from: 'openai',
  to: 'anthropic',
  operation: 'chat',
  gaps: (request, deployment) => messagesGaps(request as ChatRequest, deployment),
  ignored: (request) => ignoredMembers(request as ChatRequest),
  cost: (request) => ({ inputTimes: choicesOf(request), meters: ['cacheWrite1h', 'webSearch'] }),
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

class MessagesExchange extends AnswerExchange {
  readonly request: WireRequest;
  readonly #translator: MessageTranslator;
  readonly #outputBound: number;
  #rawUsage: JsonObject = {};
  #hasFinish = false;

  constructor(call: UpstreamCall) {
    super();
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

  event(event: SseEvent, json: unknown): void {
    if (!isJsonObject(json)) {
      this.malformed('one of its events is no JSON');
      return;
    }
    switch (json['type'] ?? event.event) {
      case 'message_start':
        this.#start(objectOf(json['message']));
        return;
      case 'content_block_start':
        this.#send(this.#translator.startBlock(json['index'], objectOf(json['content_block'])));
        return;
      case 'content_block_delta':
        this.#send(this.#translator.delta(json['index'], objectOf(json['delta'])));
        return;
      case 'content_block_stop':
        this.#send(this.#translator.stopBlock(json['index']));
        return;
      case 'message_delta':
        this.#finish(textOf(objectOf(json['delta'])['stop_reason']), objectOf(json['usage']));
        return;
      case 'message_stop':
        this.#stop();
        return;
      case 'error':
        this.failInBody(json);
    }
  }

  body(json: unknown): void {
    if (!isJsonObject(json)) this.malformed('its answer is no object');
    else if (json['type'] === 'error') this.failInBody(json);
    else if (!Array.isArray(json['content'])) this.malformed('its answer has no content');
    else {
      this.#noteStart(json);
      for (const translated of this.#translator.whole(json, this.reader.answeredAt)) this.#send(translated);
      this.#finish(textOf(json['stop_reason']), {});
      this.#stop();
    }
  }

  /** The body ended without `message_stop`. */
  close(): void {
    if (this.isOver) return;
    this.failAs('truncated');
  }

  #send(translated: Translated | null): void {
    if (translated !== null) this.emit({ kind: 'chunk', raw: null, ...translated });
  }

  #start(message: JsonObject): void {
    this.#noteStart(message);
    this.#send(this.#translator.start(message, this.reader.answeredAt));
  }

  #noteStart(message: JsonObject): void {
    this.#rawUsage = objectOf(message['usage']);
    const model = textOf(message['model']);
    if (model !== undefined) this.emit({ kind: 'answered', model });
  }

  /** The first report knows the input, the last one the output; members of the last win. */
  #finish(stopReason: string | undefined, usage: JsonObject): void {
    if (stopReason !== undefined && !this.#hasFinish) {
      this.#hasFinish = true;
      const { chunk, reason } = this.#translator.finish(stopReason);
      this.emit({ kind: 'chunk', chunk, raw: null, progress: 'none' }, { kind: 'finish', choice: 0, reason });
    }
    const present = Object.entries(usage).filter(([, value]) => value !== null);
    this.#rawUsage = { ...this.#rawUsage, ...Object.fromEntries(present) };
    this.report(readUsage(this.#rawUsage, this.#outputBound), textOf(this.#rawUsage['service_tier']) ?? null);
  }

  #stop(): void {
    if (!this.#hasFinish) {
      this.close();
      return;
    }
    this.done();
  }
}
