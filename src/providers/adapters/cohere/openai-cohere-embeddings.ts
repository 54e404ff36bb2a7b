import type { Embedding, EmbeddingRequest, SseEvent } from '../../../openai/index.js';
import type {
  Adapter,
  CapabilityGap,
  DeploymentView,
  HeaderView,
  ReceivedBytes,
  UpstreamCall,
  WireRequest,
} from '../adapter.js';
import { AnswerExchange } from '../answer-exchange.js';
import type { UpstreamFailure } from '../failure.js';
import { isJsonObject, isSet, listOf, objectOf, type JsonObject } from '../json-value.js';
import { encodeVector } from '../vectors.js';
import { readUsage } from './read-usage.js';
import { classify, post, probe } from './wire.js';

/** Texts that one request may carry. */
const MAX_TEXTS = 96;
/** What the vectors are for. OpenAI's language cannot say it, so the provider's quirk `inputType` does. */
const INPUT_TYPES: ReadonlySet<unknown> = new Set(['search_document', 'search_query', 'classification', 'clustering']);

/** Embeddings of Cohere, version 2 of its API. */
export const cohereEmbeddings: Adapter = {
  from: 'openai',
  to: 'cohere',
  operation: 'embeddings',
  gaps: (request, deployment) => embeddingGaps(request as EmbeddingRequest, deployment),
  ignored: (request) => (isSet(request['user']) ? ['user'] : []),
  cost: () => ({ inputTimes: 1, meters: ['inputImage'] }),
  open: (call) => new CohereEmbeddingsExchange(call),
  limits: () => [],
  probe,
};

const textsOf = ({ input }: EmbeddingRequest): readonly unknown[] => (typeof input === 'string' ? [input] : input);

function embeddingGaps(request: EmbeddingRequest, { capabilities }: DeploymentView): readonly CapabilityGap[] {
  const texts = textsOf(request);
  const gaps = capabilities.unsupported
    .filter((member) => isSet(request[member]))
    .map((member) => ({ member, reason: 'refused by this deployment' }));
  if (texts.some((text) => typeof text !== 'string')) gaps.push({ member: 'input', reason: 'only texts, no tokens' });
  if (texts.length > MAX_TEXTS) gaps.push({ member: 'input', reason: `at most ${String(MAX_TEXTS)} texts` });
  return gaps;
}

function embedBody({ deployment, request: asked }: UpstreamCall): JsonObject {
  const request = asked as EmbeddingRequest;
  const wanted = deployment.quirks['inputType'];
  return {
    model: deployment.upstreamModel,
    texts: textsOf(request),
    input_type: INPUT_TYPES.has(wanted) ? wanted : 'search_document',
    embedding_types: ['float'],
    truncate: 'NONE',
    ...(isSet(request.dimensions) ? { output_dimension: request.dimensions } : {}),
  };
}

class CohereEmbeddingsExchange extends AnswerExchange {
  readonly request: WireRequest;
  readonly received: ReceivedBytes = { textBytes: 0, reasoningBytes: 0 };
  readonly #model: string;
  readonly #wantsBase64: boolean;

  constructor(call: UpstreamCall) {
    super();
    this.#model = call.deployment.upstreamModel;
    this.#wantsBase64 = (call.request as EmbeddingRequest).encoding_format === 'base64';
    this.request = post(call.deployment, 'embed', embedBody(call));
  }

  /** Vectors come whole: whoever answered has billed. */
  override get billed(): 'maybe' {
    return 'maybe';
  }

  override classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classify(status, headers, body);
  }

  event(_event: SseEvent, _json: unknown): void {
    this.malformed('it streamed what cannot be streamed');
  }

  body(json: unknown): void {
    const data = isJsonObject(json) ? this.#vectors(objectOf(json['embeddings'])) : null;
    if (data === null) {
      this.malformed('its answer has no vectors');
      return;
    }
    const report = readUsage(objectOf(json)['meta'], 0);
    const prompt = report?.usage?.input ?? 0;
    this.report(report, null);
    const usage = { prompt_tokens: prompt, total_tokens: prompt };
    this.emit({ kind: 'embedding', response: { object: 'list', data, model: this.#model, usage } });
    this.done();
  }

  close(): void {
    if (!this.isOver) this.failAs('truncated');
  }

  /** Vectors come in the order of the texts; null when one of them is none. */
  #vectors({ float }: JsonObject): readonly Embedding[] | null {
    const data: Embedding[] = [];
    for (const [index, vector] of listOf(float).entries()) {
      const embedding = encodeVector(vector, this.#wantsBase64);
      if (embedding === null) return null;
      data.push({ object: 'embedding', index, embedding });
    }
    return data.length === 0 ? null : data;
  }
}
