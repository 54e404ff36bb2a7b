import type { EmbeddingRequest } from '../../../openai/index.js';
import type { Adapter, CapabilityGap, DeploymentView, HeaderView, UpstreamCall, WireRequest } from '../adapter.js';
import { gap, uniqueGaps } from '../capability-gaps.js';
import { EmbeddingExchange } from '../embedding-exchange.js';
import type { UpstreamFailure } from '../failure.js';
import { isJsonObject, isSet, listOf, objectOf, type JsonObject } from '../json-value.js';
import { checkUsage, readCount, type UsageReport } from '../usage.js';
import { isVertex, modelName, post, probe } from './endpoints.js';
import { classifyGoogle, classifyGoogleBody, hasError, readLimits } from './google-error.js';

/** Texts in one request of AI Studio. */
const MAX_TEXTS = 100;
/** Texts in one request of Vertex. */
const MAX_INSTANCES = 250;
/** Models that take one text per request of Vertex. */
const ONE_BY_ONE = 'gemini-embedding';

/** Embeddings of Google: `embedContent` and `batchEmbedContents` in AI Studio, `predict` in Vertex AI. AI Studio may leave usage
 *  out; it is then counted. */
export const geminiEmbeddings: Adapter = {
  from: 'openai',
  to: 'gemini',
  operation: 'embeddings',
  gaps: (request, deployment) => embeddingGaps(request as EmbeddingRequest, deployment),
  ignored: (request) => (isSet(request['user']) ? ['user'] : []),
  cost: () => ({ inputTimes: 1, meters: [] }),
  open: (call) => new GeminiEmbeddingsExchange(call),
  limits: readLimits,
  probe,
};

function embeddingGaps(request: EmbeddingRequest, deployment: DeploymentView): readonly CapabilityGap[] {
  const gaps = deployment.capabilities.unsupported
    .filter((member) => isSet(request[member]))
    .map((member) => gap(member, 'refused by this deployment'));
  const { input } = request;
  const texts = textsOf(request);
  const count = typeof input === 'string' ? 1 : input.length;
  if (texts.length < count) gaps.push(gap('input', 'only texts, no tokens'));
  if (texts.length > mostTexts(deployment)) gaps.push(gap('input', `at most ${String(mostTexts(deployment))} texts`));
  return uniqueGaps(gaps);
}

function mostTexts(deployment: DeploymentView): number {
  if (!isVertex(deployment)) return MAX_TEXTS;
  return deployment.upstreamModel.includes(ONE_BY_ONE) ? 1 : MAX_INSTANCES;
}

function textsOf({ input }: EmbeddingRequest): readonly string[] {
  const list: readonly unknown[] = typeof input === 'string' ? [input] : input;
  return list.filter((text) => typeof text === 'string');
}

function requestOf({ deployment, request }: UpstreamCall): WireRequest {
  const texts = textsOf(request as EmbeddingRequest);
  const { dimensions } = request as EmbeddingRequest;
  const size = isSet(dimensions) ? { outputDimensionality: dimensions } : {};
  if (isVertex(deployment)) {
    const instances = texts.map((content) => ({ content }));
    return post(deployment, 'predict', { instances, ...(isSet(dimensions) ? { parameters: size } : {}) });
  }
  const requests = texts.map((text) => ({ model: modelName(deployment), content: { parts: [{ text }] }, ...size }));
  return requests.length === 1
    ? post(deployment, 'embedContent', requests[0])
    : post(deployment, 'batchEmbedContents', { requests });
}

class GeminiEmbeddingsExchange extends EmbeddingExchange {
  readonly request: WireRequest;
  readonly #count: number;

  constructor(call: UpstreamCall) {
    super(call);
    this.#count = textsOf(call.request as EmbeddingRequest).length;
    this.request = requestOf(call);
  }

  override classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classifyGoogle(status, headers, body);
  }

  body(json: unknown): void {
    if (hasError(json)) {
      this.fail({ kind: 'failure', failure: classifyGoogleBody(json, this.reader.status, 'no') });
      return;
    }
    const answer = objectOf(json);
    const vectors = vectorsIn(answer);
    if (vectors.length > 0 && vectors.length !== this.#count) this.malformed('it left out vectors');
    else this.answer(vectors, usageOf(answer), this.upstreamModel);
  }
}

/** Vectors in the order of their texts: of one text, of several, of Vertex. */
function vectorsIn(json: JsonObject): readonly unknown[] {
  if (Array.isArray(json['predictions'])) {
    return listOf(json['predictions']).map((one) => objectOf(objectOf(one)['embeddings'])['values']);
  }
  const { embedding } = json;
  const list = isJsonObject(embedding) ? [embedding] : listOf(json['embeddings']);
  return list.map((one) => objectOf(one)['values']);
}

/** Tokens by the report of AI Studio, or summed over the vectors of Vertex; null when one is missing. */
function usageOf(json: JsonObject): UsageReport | null {
  const reported = readCount(objectOf(json['usageMetadata'])['promptTokenCount']);
  const counts = listOf(json['predictions']).map((one) =>
    readCount(objectOf(objectOf(objectOf(one)['embeddings'])['statistics'])['token_count']),
  );
  const known = counts.filter((count) => count !== undefined);
  const sum = known.length === 0 || known.length < counts.length ? undefined : known.reduce((all, one) => all + one, 0);
  const input = reported ?? sum;
  if (input === undefined) return null;
  return checkUsage({ input, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 }, 0);
}
