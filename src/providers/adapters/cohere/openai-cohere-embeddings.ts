import type { EmbeddingRequest } from '../../../openai/index.js';
import type { Adapter, CapabilityGap, DeploymentView, HeaderView, UpstreamCall, WireRequest } from '../adapter.js';
import { EmbeddingExchange } from '../embedding-exchange.js';
import type { UpstreamFailure } from '../failure.js';
import { isSet, listOf, objectOf, type JsonObject } from '../json-value.js';
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

class CohereEmbeddingsExchange extends EmbeddingExchange {
  readonly request: WireRequest;

  constructor(call: UpstreamCall) {
    super(call);
    this.request = post(call.deployment, 'embed', embedBody(call));
  }

  override classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
    return classify(status, headers, body);
  }

  body(json: unknown): void {
    const { embeddings, meta } = objectOf(json);
    this.answer(listOf(objectOf(embeddings)['float']), readUsage(meta, 0));
  }
}
