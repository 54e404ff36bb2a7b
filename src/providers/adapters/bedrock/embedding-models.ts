import type { EmbeddingRequest } from '../../../openai/index.js';
import type { CapabilityGap, DeploymentView } from '../adapter.js';
import { isJsonObject, isSet, listOf, objectOf, type JsonObject } from '../json-value.js';

/** What a family of models is asked with, and where its answer has the vectors. */
export interface EmbeddingFamily {
  /** Texts that one request may carry. */
  readonly maxTexts: number;
  readonly body: (texts: readonly unknown[], request: EmbeddingRequest, quirks: DeploymentView['quirks']) => JsonObject;
  /** Vectors in the order of the texts; what is none of them is checked by the caller. Attacker-controlled. */
  readonly vectors: (answer: JsonObject) => readonly unknown[];
}

/** What vectors are for. OpenAI's language cannot say it, so the provider's quirk `inputType` does. */
const COHERE_TYPES: ReadonlySet<unknown> = new Set(['search_document', 'search_query', 'classification', 'clustering']);
const NOVA_PURPOSES: Readonly<Record<string, string>> = {
  search_query: 'GENERIC_RETRIEVAL',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
};

const FAMILIES: Readonly<Record<'titan' | 'cohere' | 'nova', EmbeddingFamily>> = {
  titan: {
    maxTexts: 1,
    body: ([inputText], { dimensions }) => ({ inputText, ...(isSet(dimensions) ? { dimensions } : {}) }),
    vectors: ({ embedding }) => [embedding],
  },
  cohere: {
    maxTexts: 96,
    body: (texts, { dimensions }, { inputType }) => ({
      texts,
      input_type: COHERE_TYPES.has(inputType) ? inputType : 'search_document',
      embedding_types: ['float'],
      truncate: 'NONE',
      ...(isSet(dimensions) ? { output_dimension: dimensions } : {}),
    }),
    vectors: ({ embeddings }) => listOf(isJsonObject(embeddings) ? embeddings['float'] : embeddings),
  },
  nova: {
    maxTexts: 1,
    body: ([value], { dimensions }, { inputType }) => ({
      taskType: 'SINGLE_EMBEDDING',
      singleEmbeddingParams: {
        embeddingPurpose: (typeof inputType === 'string' ? NOVA_PURPOSES[inputType] : undefined) ?? 'GENERIC_INDEX',
        text: { value, truncationMode: 'NONE' },
        ...(isSet(dimensions) ? { embeddingDimension: dimensions } : {}),
      },
    }),
    vectors: ({ embeddings }) => [objectOf(listOf(embeddings)[0])['embedding']],
  },
};

/** The family of a model, by its id or, where an ARN does not tell, by the provider's quirk `embeddingFamily`; undefined: unknown.
 *  Source: AWS, Bedrock user guide, inference parameters of embedding models. */
export function familyOf({ upstreamModel, quirks }: DeploymentView): EmbeddingFamily | undefined {
  const { embeddingFamily: named } = quirks;
  if (named === 'titan' || named === 'cohere' || named === 'nova') return FAMILIES[named];
  if (upstreamModel.includes('amazon.titan-embed')) return FAMILIES.titan;
  if (upstreamModel.includes('cohere.embed')) return FAMILIES.cohere;
  return /amazon\.nova-.*embed/.test(upstreamModel) ? FAMILIES.nova : undefined;
}

/** The inputs of a request, in order. */
export function textsOf({ input }: EmbeddingRequest): readonly unknown[] {
  return typeof input === 'string' ? [input] : input;
}

/** Members of an embedding request that this deployment cannot honour. */
export function embeddingGaps(request: EmbeddingRequest, deployment: DeploymentView): readonly CapabilityGap[] {
  const family = familyOf(deployment);
  const texts = textsOf(request);
  const gaps = deployment.capabilities.unsupported
    .filter((member) => isSet(request[member]))
    .map((member) => ({ member, reason: 'refused by this deployment' }));
  if (family === undefined)
    return [...gaps, { member: 'model', reason: 'no embedding model of Bedrock that is known' }];
  if (texts.some((text) => typeof text !== 'string')) gaps.push({ member: 'input', reason: 'only texts, no tokens' });
  if (texts.length > family.maxTexts)
    gaps.push({ member: 'input', reason: `texts per request: at most ${String(family.maxTexts)}` });
  return gaps;
}
