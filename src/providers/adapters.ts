import type { Adapter } from './adapters/adapter.js';
import { openAiEmbeddings } from './adapters/openai/openai-embeddings.js';
import { openAiChat } from './adapters/openai/openai-openai.js';

/** The translators of this release. */
export const ADAPTERS: readonly Adapter[] = [openAiChat, openAiEmbeddings];
