import type { Adapter } from './adapter.js';
import { anthropicChat } from './anthropic/openai-anthropic.js';
import { openAiEmbeddings } from './openai/openai-embeddings.js';
import { openAiChat } from './openai/openai-openai.js';

/** Every translator of this release, one per dialect and operation. */
export const ADAPTERS: readonly Adapter[] = [openAiChat, openAiEmbeddings, anthropicChat];
