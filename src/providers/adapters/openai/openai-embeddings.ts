import type { EmbeddingRequest } from '../../../openai/index.js';
import type { Adapter, UpstreamCall, WireRequest } from '../adapter.js';
import { classifyBody } from '../classify-failure.js';
import { EmbeddingExchange } from '../embedding-exchange.js';
import { isJsonObject, isSet, listOf, objectOf, textOf, type JsonObject } from '../json-value.js';
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

class OpenAiEmbeddingsExchange extends EmbeddingExchange {
  readonly request: WireRequest;
  readonly #quirks: Quirks;

  constructor(call: UpstreamCall) {
    super(call);
    const { input, dimensions, encoding_format: encoding } = call.request as EmbeddingRequest;
    this.#quirks = quirksOf(call.deployment);
    const body = {
      model: this.upstreamModel,
      input,
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

  body(json: unknown): void {
    if (!isJsonObject(json)) {
      this.malformed('its answer is no object');
      return;
    }
    if (isSet(json['error'])) {
      this.fail({ kind: 'failure', failure: classifyBody(json, this.reader.status, 'no') });
      return;
    }
    const report = readUsage(json['usage'], this.#quirks, 0);
    this.answer(vectorsIn(json), report, textOf(json['model']) ?? this.upstreamModel);
  }
}

/** Vectors in the order of their index, or as they stand where it is no number. */
function vectorsIn(json: JsonObject): readonly unknown[] {
  return listOf(json['data'])
    .map((item, position) => {
      const { index, embedding } = objectOf(item);
      return { index: Number.isSafeInteger(index) ? (index as number) : position, embedding };
    })
    .sort((one, other) => one.index - other.index)
    .map(({ embedding }) => embedding);
}
