import type { ChatRequest, SseEvent } from '../../../openai/index.js';
import type { Adapter, HeaderView, ReceivedBytes, UpstreamCall, WireRequest } from '../adapter.js';
import { AnswerExchange } from '../answer-exchange.js';
import type { UpstreamFailure } from '../failure.js';
import { choicesOf } from '../fan-out.js';
import { isJsonObject, listOf, objectOf, textOf, type JsonObject } from '../json-value.js';
import { ChatNormaliser } from '../normalise-chat.js';
import { CandidateReader } from './candidates.js';
import { post, probe } from './endpoints.js';
import { classifyGoogle, classifyGoogleBody, hasError, readLimits } from './google-error.js';
import { readUsage } from './read-usage.js';
import { generateBody, generateGaps, ignoredMembers } from './request-body.js';

/** Chat with Gemini, in AI Studio and in Vertex AI: `generateContent` and its stream. Several choices are asked for at once where
 *  the deployment says it can, else by as many requests. */
export const geminiChat: Adapter = {
  from: 'openai',
  to: 'gemini',
  operation: 'chat',
  gaps: (request, deployment) => generateGaps(request as ChatRequest, deployment),
  ignored: (request, deployment) => ignoredMembers(request as ChatRequest, deployment),
  cost: (request, { capabilities }) => ({
    inputTimes: capabilities.n ? 1 : choicesOf(request),
    meters: ['inputAudio', 'outputAudio'],
  }),
  open: (call) => new GenerateExchange(call),
  limits: readLimits,
  probe,
};

class GenerateExchange extends AnswerExchange {
  readonly request: WireRequest;
  readonly #outputBound: number;
  readonly #candidates = new CandidateReader();
  readonly #normaliser: ChatNormaliser;
  #head: { readonly id: unknown; readonly model: unknown; readonly created: unknown } | undefined;
  #hasNamedModel = false;

  constructor(call: UpstreamCall) {
    super();
    const { deployment, requestId } = call;
    this.#outputBound = Math.max(1, call.outputBound) * (deployment.capabilities.n ? choicesOf(call.request) : 1);
    this.#normaliser = new ChatNormaliser({ requestId, upstreamModel: deployment.upstreamModel });
    const method = deployment.capabilities.stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
    this.request = post(deployment, method, generateBody(call));
  }

  get received(): ReceivedBytes {
    return this.#normaliser.received;
  }

  override classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classifyGoogle(status, headers, body);
  }

  event(event: SseEvent, json: unknown): void {
    if (event.data === '[DONE]') this.close();
    else if (isJsonObject(json)) this.#read(json);
    else if (event.data.trim() !== '') this.malformed('one of its events is no JSON');
  }

  /** One answer, or the events of a stream as a list. */
  body(json: unknown): void {
    for (const item of Array.isArray(json) ? (json as readonly unknown[]) : [json]) {
      if (this.isOver) return;
      if (isJsonObject(item)) this.#read(item);
      else this.malformed('its answer is no object');
    }
  }

  /** The body has ended: an answer is complete when all its choices named a finish. */
  close(): void {
    if (this.isOver) return;
    if (this.#candidates.isComplete) this.done();
    else if (this.#head !== undefined && this.#candidates.isEmpty) this.malformed('its answer has no candidates');
    else this.failAs('truncated');
  }

  #read(json: JsonObject): void {
    if (hasError(json)) {
      this.fail({ kind: 'failure', failure: classifyGoogleBody(json, this.reader.status, this.billed) });
      return;
    }
    this.#noteHead(json);
    const usage = objectOf(json['usageMetadata']);
    this.report(readUsage(usage, this.#outputBound), textOf(usage['serviceTier'])?.toLowerCase() ?? null);
    const blocked = textOf(objectOf(json['promptFeedback'])['blockReason']);
    if (blocked !== undefined) {
      this.failAs('content_refused', { vendorCode: blocked });
      return;
    }
    for (const [position, candidate] of listOf(json['candidates']).entries()) {
      if (isJsonObject(candidate) && !this.isOver) this.#readCandidate(candidate, position);
    }
  }

  #noteHead({ responseId, modelVersion, createTime }: JsonObject): void {
    this.#head ??= { id: responseId, model: modelVersion, created: Date.parse(textOf(createTime) ?? '') };
    const model = textOf(modelVersion);
    if (model === undefined || this.#hasNamedModel) return;
    this.#hasNamedModel = true;
    this.emit({ kind: 'answered', model });
  }

  #readCandidate(candidate: JsonObject, position: number): void {
    const read = this.#candidates.read(candidate, position);
    if (read === null) return;
    if (read.fault !== null) {
      this.failAs('malformed', { vendorCode: read.fault, reason: 'its call of a tool could not be read' });
      return;
    }
    const event = { ...this.#head, choices: [read.choice] };
    const { chunk, progress, finishes } = this.#normaliser.read(event, this.reader.answeredAt);
    if (chunk !== null) this.emit({ kind: 'chunk', chunk, raw: null, progress });
    for (const { choice, reason } of finishes) this.emit({ kind: 'finish', choice, reason });
  }
}
