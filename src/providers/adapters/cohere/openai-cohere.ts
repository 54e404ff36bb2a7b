import type { ChatRequest, SseEvent } from '../../../openai/index.js';
import type { Adapter, HeaderView, ReceivedBytes, UpstreamCall, WireRequest } from '../adapter.js';
import { AnswerExchange } from '../answer-exchange.js';
import type { UpstreamFailure } from '../failure.js';
import { choicesOf } from '../fan-out.js';
import { isJsonObject, objectOf, textOf, type JsonObject } from '../json-value.js';
import { ChatNormaliser } from '../normalise-chat.js';
import { deltaOf, finishOf, isFault, messageOf } from './chat-events.js';
import { readUsage } from './read-usage.js';
import { chatBody, chatGaps, ignoredMembers } from './request-body.js';
import { classify, post, probe } from './wire.js';

/** Chat with Cohere, version 2 of its API. Several choices are as many requests; limits are in no header. */
export const cohereChat: Adapter = {
  from: 'openai',
  to: 'cohere',
  operation: 'chat',
  gaps: (request, deployment) => chatGaps(request as ChatRequest, deployment),
  ignored: (request, deployment) => ignoredMembers(request as ChatRequest, deployment),
  cost: (request) => ({ inputTimes: choicesOf(request), meters: ['inputImage'] }),
  open: (call) => new CohereChatExchange(call),
  limits: () => [],
  probe,
};

class CohereChatExchange extends AnswerExchange {
  readonly request: WireRequest;
  readonly #outputBound: number;
  readonly #normaliser: ChatNormaliser;
  #id: unknown;

  constructor(call: UpstreamCall) {
    super();
    const { deployment, requestId } = call;
    this.#outputBound = Math.max(1, call.outputBound);
    this.#normaliser = new ChatNormaliser({ requestId, upstreamModel: deployment.upstreamModel });
    this.request = post(deployment, 'chat', chatBody(call));
  }

  get received(): ReceivedBytes {
    return this.#normaliser.received;
  }

  override classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classify(status, headers, body);
  }

  event(event: SseEvent, json: unknown): void {
    if (event.data === '[DONE]') this.close();
    else if (!isJsonObject(json)) this.malformed('one of its events is no JSON');
    else if (json['type'] === 'message-end') this.#finish(objectOf(json['delta']));
    else if (json['type'] === undefined) this.failInBody(json);
    else {
      this.#id ??= json['id'];
      this.#read(deltaOf(json), null);
    }
  }

  body(json: unknown): void {
    if (!isJsonObject(json)) this.malformed('its answer is no object');
    else if (!isJsonObject(json['message'])) this.malformed('its answer has no message');
    else {
      this.#id = json['id'];
      this.#read(messageOf(json['message']), null);
      this.#finish(json);
    }
  }

  /** The body ended without `message-end`. */
  close(): void {
    if (!this.isOver) this.failAs('truncated');
  }

  #read(delta: JsonObject | null, finish: string | null): void {
    if (delta === null) return;
    const choice = { index: 0, delta, logprobs: null, finish_reason: finish };
    const event = { id: this.#id, choices: [choice] };
    const { chunk, progress, finishes } = this.#normaliser.read(event, this.reader.answeredAt);
    if (chunk !== null) this.emit({ kind: 'chunk', chunk, raw: null, progress });
    for (const { reason } of finishes) this.emit({ kind: 'finish', choice: 0, reason });
  }

  /** The last event of a stream and a whole answer say alike how it ended and what is billed. */
  #finish(end: JsonObject): void {
    const name = textOf(end['finish_reason']);
    const report = readUsage(end['usage'], this.#outputBound);
    if (name === undefined || isFault(name)) {
      this.report(report, null);
      if (name === undefined) this.close();
      else this.failAs('malformed', { vendorCode: name, reason: 'it could not finish its answer' });
      return;
    }
    this.#read({}, finishOf(name));
    this.report(report, null);
    this.done();
  }
}
