import type { Capabilities } from '../adapters/adapter.js';

const CHAT: Capabilities = {
  operations: ['chat'],
  stream: true,
  tools: true,
  parallelTools: false,
  images: 'none',
  pdf: false,
  audio: false,
  jsonSchema: false,
  jsonMode: true,
  reasoning: false,
  n: false,
  logprobs: false,
  seed: true,
  prefill: false,
  context: 32_768,
  maxOutput: 8_192,
  unsupported: [],
};

const GEMINI: Partial<Capabilities> = {
  parallelTools: true,
  images: 'url',
  pdf: true,
  audio: true,
  jsonSchema: true,
  context: 1_048_576,
  maxOutput: 65_536,
};

/** What vendors offer on all their current chat models; anything else is assumed to be the careful default. */
const BY_VENDOR: Readonly<Record<string, Partial<Capabilities>>> = {
  openai: {
    parallelTools: true,
    images: 'url',
    pdf: true,
    jsonSchema: true,
    n: true,
    logprobs: true,
    context: 128_000,
    maxOutput: 16_384,
  },
  azure: { parallelTools: true, images: 'url', jsonSchema: true, n: true, context: 128_000, maxOutput: 16_384 },
  bedrock: { jsonMode: false, seed: false },
  cohere: { parallelTools: true, jsonSchema: true, context: 128_000, maxOutput: 4_096 },
  anthropic: {
    parallelTools: true,
    images: 'url',
    pdf: true,
    jsonMode: false,
    seed: false,
    context: 200_000,
    maxOutput: 32_000,
  },
  gemini: GEMINI,
  vertex: GEMINI,
};

const EMBEDDINGS: Capabilities = {
  ...CHAT,
  operations: ['embeddings'],
  stream: false,
  tools: false,
  jsonMode: false,
  seed: false,
  context: 8_192,
  maxOutput: 0,
};

/** Where a new deployment starts from; the operator's own statements go over it. */
export function defaultCapabilities(vendor: string, stated: Partial<Capabilities>): Capabilities {
  const isEmbedding = stated.operations?.includes('chat') === false && stated.operations.includes('embeddings');
  const start = isEmbedding ? EMBEDDINGS : { ...CHAT, ...BY_VENDOR[vendor] };
  return { ...start, ...stated };
}
