import { expect } from '@jest/globals';

import { publishedSchemas, type PublishedSchema } from './published-schemas.js';
import { jsonEvents, type Exchange } from './recording-fetch.js';

const check = publishedSchemas();
if (check === undefined) {
  process.stderr.write('Left out: answers against the published OpenAI schemas (their folder is absent)\n');
}

function schemaOf({ path, status }: Exchange): PublishedSchema {
  if (status >= 400) return 'ErrorResponse';
  if (path === '/v1/embeddings') return 'CreateEmbeddingResponse';
  if (path === '/v1/models') return 'ListModelsResponse';
  return path.startsWith('/v1/models/') ? 'Model' : 'CreateChatCompletionResponse';
}

/** Fails the test when OpenAI's published schemas find something wrong with an exchange; says nothing where they are absent. An
 *  error event at the end of a stream is held against none: no schema is published for it. */
export async function expectValid(exchange: Exchange): Promise<void> {
  if (check === undefined) return;
  const text = await exchange.text;
  if (exchange.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
    expect(check(schemaOf(exchange), JSON.parse(text))).toEqual([]);
    return;
  }
  const chunks = jsonEvents(text).filter((event) => typeof event === 'object' && event !== null && !('error' in event));
  expect(chunks.flatMap((chunk) => check('CreateChatCompletionStreamResponse', chunk))).toEqual([]);
}
