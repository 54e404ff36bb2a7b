import type { Embedding, EmbeddingRequest, SseEvent } from '../../../openai/index.js';
import type { Adapter, ReceivedBytes, UpstreamCall, WireRequest } from '../adapter.js';
import { AnswerExchange } from '../answer-exchange.js';
import { classifyBody } from '../classify-failure.js';
import { isJsonObject, isSet, listOf, textOf, type JsonObject } from '../json-value.js';
import type { TokenUsage } from '../usage.js';
import { encodeVector } from '../vectors.js';
import { readLimits } from './limits.js';
import { JSON_HEADERS, probeOf } from './openai-openai.js';
import { pathOf, quirksOf, type Quirks } from './quirks.js';
import { readUsage } from './read-usage.js';

/** Embeddings of vendors that speak OpenAI's dialect. The caller gets the encoding it asked for, whatever the vendor sends. */
export const openAiEmbeddings: Adapter = {
  from: 'openai',
  to: 'openai',
  operation: 'embeddings',
  gaps: (request, { capabilities }) =>
    capabilities.unsupported
      .filter((member) => isSet(request[member]))
      .map((member) => ({ member, reason: 'refused by this deployment' })),
  ignored: (request) => (isSet(request['user']) ? ['user'] : []),
  cost: () => ({ inputTimes: 1, meters: [] }),
  open: (call) => new OpenAiEmbeddingsExchange(call),
  limits: readLimits,
  probe: (deployment) => probeOf(quirksOf(deployment)),
};

class OpenAiEmbeddingsExchange extends AnswerExchange {
  readonly request: WireRequest;
  readonly received: ReceivedBytes = { textBytes: 0, reasoningBytes: 0 };
  readonly #quirks: Quirks;
  readonly #upstreamModel: string;
  readonly #wantsBase64: boolean;

  constructor(call: UpstreamCall) {
    super();
    const request = call.request as EmbeddingRequest;
    const { dimensions, encoding_format: encoding } = request;
    this.#quirks = quirksOf(call.deployment);
    this.#upstreamModel = call.deployment.upstreamModel;
    this.#wantsBase64 = encoding === 'base64';
    const body = {
      model: call.deployment.upstreamModel,
      input: request.input,
      ...(isSet(encoding) ? { encoding_format: encoding } : {}),
      ...(isSet(dimensions) ? { dimensions } : {}),
    };
    const headers = { ...JSON_HEADERS, accept: 'application/json' };
    this.request = {
      method: 'POST',
      path: pathOf(this.#quirks.embeddingsPath, this.#quirks, call.deployment),
      headers,
      body: Buffer.from(JSON.stringify(body)),
    };
  }

  /** Vectors come whole: whoever answered has billed. */
  override get billed(): 'maybe' {
    return 'maybe';
  }

  event(_event: SseEvent, _json: unknown): void {
    this.malformed('it streamed what cannot be streamed');
  }

  body(json: unknown): void {
    if (!isJsonObject(json)) {
      this.malformed('its answer is no object');
      return;
    }
    if (isSet(json['error'])) {
      this.fail({ kind: 'failure', failure: classifyBody(json, this.reader.status, 'no') });
      return;
    }
    const data = this.#vectors(json);
    if (data === null) this.malformed('its answer has no vectors');
    else this.#answer(json, data);
  }

  close(): void {
    if (!this.isOver) this.failAs('truncated');
  }

  #answer(json: JsonObject, data: readonly Embedding[]): void {
    const model = textOf(json['model']) ?? this.#upstreamModel;
    const report = readUsage(json['usage'], this.#quirks, 0);
    const usage = report?.usage ?? null;
    const prompt = usage === null ? 0 : promptTokens(usage);
    this.emit({ kind: 'answered', model });
    this.report(report, null);
    const response = { object: 'list', data, model, usage: { prompt_tokens: prompt, total_tokens: prompt } } as const;
    this.emit({ kind: 'embedding', response });
    this.done();
  }

  /** Vectors in order of their index; null when one of them is none. */
  #vectors(json: JsonObject): readonly Embedding[] | null {
    const data: Embedding[] = [];
    for (const [position, item] of listOf(json['data']).entries()) {
      if (!isJsonObject(item)) return null;
      const embedding = encodeVector(item['embedding'], this.#wantsBase64);
      if (embedding === null) return null;
      const { index } = item;
      data.push({ object: 'embedding', index: Number.isSafeInteger(index) ? (index as number) : position, embedding });
    }
    return data.length === 0 ? null : data.sort((one, other) => one.index - other.index);
  }
}

function promptTokens(usage: TokenUsage): number {
  return usage.input + usage.cachedInput + usage.cacheWrite;
}
