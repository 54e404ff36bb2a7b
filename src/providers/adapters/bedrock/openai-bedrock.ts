import type { ChatRequest, SseEvent } from '../../../openai/index.js';
import type { Adapter, DeploymentView, HeaderView, ReceivedBytes, UpstreamCall, WireRequest } from '../adapter.js';
import { AnswerExchange } from '../answer-exchange.js';
import type { UpstreamFailure } from '../failure.js';
import { choicesOf } from '../fan-out.js';
import { isJsonObject, objectOf, textOf, type JsonObject } from '../json-value.js';
import { ChatNormaliser } from '../normalise-chat.js';
import { ContentBlocks, isFault } from './content-blocks.js';
import { EventStreamReader } from './event-stream.js';
import { classifyRefusal } from './exceptions.js';
import { readUsage } from './read-usage.js';
import { converseBody, converseGaps, ignoredMembers } from './request-body.js';
import { probe } from './probe.js';

/** Chat with Amazon Bedrock: Converse and its binary stream. Several choices are as many requests; limits are in no header. */
export const bedrockChat: Adapter = {
  from: 'openai',
  to: 'bedrock',
  operation: 'chat',
  gaps: (request, deployment) => converseGaps(request as ChatRequest, deployment),
  ignored: (request) => ignoredMembers(request as ChatRequest),
  cost: (request) => ({ inputTimes: choicesOf(request), meters: ['cacheWrite1h'] }),
  open: (call) => new ConverseExchange(call),
  limits: () => [],
  probe,
};

/** A model is one segment of the path, also when it is an ARN: its colons and slashes are encoded. */
function post({ upstreamModel, capabilities }: DeploymentView, body: JsonObject): WireRequest {
  return {
    method: 'POST',
    path: `/model/${encodeURIComponent(upstreamModel)}/${capabilities.stream ? 'converse-stream' : 'converse'}`,
    headers: {
      'content-type': 'application/json',
      accept: 'application/vnd.amazon.eventstream, application/json',
      'accept-encoding': 'identity',
    },
    body: Buffer.from(JSON.stringify(body)),
  };
}

class ConverseExchange extends AnswerExchange {
  readonly request: WireRequest;
  readonly #outputBound: number;
  readonly #normaliser: ChatNormaliser;
  readonly #blocks = new ContentBlocks();
  #stopReason: string | undefined;
  #hasMetadata = false;

  constructor(call: UpstreamCall) {
    super((sink) => new EventStreamReader(sink));
    const { deployment, requestId } = call;
    this.#outputBound = Math.max(1, call.outputBound);
    this.#normaliser = new ChatNormaliser({ requestId, upstreamModel: deployment.upstreamModel });
    this.request = post(deployment, converseBody(call));
  }

  get received(): ReceivedBytes {
    return this.#normaliser.received;
  }

  override classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classifyRefusal(status, headers, body);
  }

  event({ event }: SseEvent, json: unknown): void {
    if (!isJsonObject(json)) {
      this.malformed('one of its events is no JSON');
      return;
    }
    const { contentBlockIndex: at } = json;
    switch (event) {
      case 'messageStart':
        this.#read({ role: 'assistant', content: '' });
        return;
      case 'contentBlockStart':
        this.#read(this.#blocks.start(at, objectOf(json['start'])));
        return;
      case 'contentBlockDelta':
        this.#read(this.#blocks.delta(at, objectOf(json['delta'])));
        return;
      case 'contentBlockStop':
        this.#read(this.#blocks.stop(at));
        return;
      case 'messageStop':
        this.#stop(textOf(json['stopReason']));
        return;
      case 'metadata':
        this.#noteMetadata(json);
    }
  }

  body(json: unknown): void {
    const content = objectOf(objectOf(objectOf(json)['output'])['message'])['content'];
    if (!isJsonObject(json)) this.malformed('its answer is no object');
    else if (!Array.isArray(content)) this.malformed('its answer has no content');
    else {
      this.#read({ role: 'assistant', content: '' });
      for (const delta of this.#blocks.whole(content)) this.#read(delta);
      this.#stop(textOf(json['stopReason']));
      this.#noteMetadata(json);
    }
  }

  /** The body has ended. An answer that named its stop is complete, also without what it cost. */
  close(): void {
    if (this.isOver) return;
    if (this.#stopReason === undefined) this.failAs('truncated');
    else this.#complete();
  }

  /** The metadata follow, in some streams they come before: only with both is everything known. */
  #stop(stopReason: string | undefined): void {
    if (stopReason === undefined || this.#stopReason !== undefined) return;
    this.#stopReason = stopReason;
    if (!isFault(stopReason)) this.#read({}, this.#blocks.finish(stopReason));
    if (this.#hasMetadata) this.#complete();
  }

  #noteMetadata(json: JsonObject): void {
    this.#hasMetadata = true;
    const tier = textOf(objectOf(json['serviceTier'])['type']) ?? null;
    this.report(readUsage(objectOf(json['usage']), this.#outputBound), tier);
    if (this.#stopReason !== undefined) this.#complete();
  }

  #complete(): void {
    const name = this.#stopReason ?? '';
    if (isFault(name)) this.failAs('malformed', { vendorCode: name, reason: 'what its model wrote cannot be read' });
    else this.done();
  }

  #read(delta: JsonObject | null, finish: string | null = null): void {
    if (delta === null) return;
    const event = { choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] };
    const { chunk, progress, finishes } = this.#normaliser.read(event, this.reader.answeredAt);
    if (chunk !== null) this.emit({ kind: 'chunk', chunk, raw: null, progress });
    for (const { reason } of finishes) this.emit({ kind: 'finish', choice: 0, reason });
  }
}
