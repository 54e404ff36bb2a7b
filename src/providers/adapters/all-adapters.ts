import type { Adapter } from './adapter.js';
import { anthropicChat } from './anthropic/openai-anthropic.js';
import { bedrockChat } from './bedrock/openai-bedrock.js';
import { bedrockEmbeddings } from './bedrock/openai-bedrock-embeddings.js';
import { cohereChat } from './cohere/openai-cohere.js';
import { cohereEmbeddings } from './cohere/openai-cohere-embeddings.js';
import { geminiChat } from './gemini/openai-gemini.js';
import { geminiEmbeddings } from './gemini/openai-gemini-embeddings.js';
import { openAiEmbeddings } from './openai/openai-embeddings.js';
import { openAiChat } from './openai/openai-openai.js';

/** The translators of this release, at most one per dialect and operation. */
export const ADAPTERS: readonly Adapter[] = [
  openAiChat,
  openAiEmbeddings,
  anthropicChat,
  bedrockChat,
  bedrockEmbeddings,
  cohereChat,
  cohereEmbeddings,
  geminiChat,
  geminiEmbeddings,
];
