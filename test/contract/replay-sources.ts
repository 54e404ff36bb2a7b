import type { Dialect, Operation } from '../../src/providers/adapters/adapter.js';

/** Where recorded exchanges come from and how a provider of that kind is set up. */
export interface ReplaySource {
  /** File of `fixtures/interactions` without its ending. */
  readonly file: string;
  readonly vendor: string;
  readonly dialect: Dialect;
  readonly operation: Operation;
  /** Path of the base URL, as the vendor's own documentation gives it. */
  readonly basePath: string;
  readonly quirks?: Readonly<Record<string, unknown>>;
}

const openAi = (vendor: string, basePath = '/v1', more: Partial<ReplaySource> = {}): ReplaySource => ({
  file: `${vendor}-chat`,
  vendor,
  dialect: 'openai',
  operation: 'chat',
  basePath,
  ...more,
});
const embeddings = (vendor: string): ReplaySource =>
  openAi(vendor, '/v1', { file: `${vendor}-embeddings`, operation: 'embeddings' });

/** All recorded chat and embedding exchanges of the dialects that this release speaks. */
export const REPLAY_SOURCES: readonly ReplaySource[] = [
  openAi('openai'),
  embeddings('openai'),
  openAi('azure', '', { quirks: { apiVersion: '2024-10-21' } }),
  openAi('groq', '/openai/v1'),
  openAi('mistral'),
  embeddings('mistral'),
  openAi('deepseek', ''),
  openAi('openrouter', '/api/v1'),
  openAi('together'),
  openAi('huggingface', '/nebius/v1'),
  openAi('cerebras'),
  openAi('writer'),
  openAi('zai', '/api/paas/v4'),
  openAi('ollama'),
  embeddings('ollama'),
  openAi('gemini', '/v1beta/openai'),
  { file: 'anthropic-messages', vendor: 'anthropic', dialect: 'anthropic', operation: 'chat', basePath: '' },
  { file: 'cohere-chat', vendor: 'cohere', dialect: 'cohere', operation: 'chat', basePath: '' },
  { file: 'cohere-embeddings', vendor: 'cohere', dialect: 'cohere', operation: 'embeddings', basePath: '' },
  { file: 'gemini-generateContent', vendor: 'gemini', dialect: 'gemini', operation: 'chat', basePath: '/v1beta' },
  {
    file: 'vertex-generateContent',
    vendor: 'vertex',
    dialect: 'gemini',
    operation: 'chat',
    basePath: '/v1/projects/fixture-project/locations/global/publishers/google',
  },
  { file: 'bedrock-converse', vendor: 'bedrock', dialect: 'bedrock', operation: 'chat', basePath: '' },
];
