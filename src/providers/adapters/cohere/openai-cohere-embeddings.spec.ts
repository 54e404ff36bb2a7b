import { describe, expect, it } from '@jest/globals';

import { answer, aDeploymentView, failureIn, openCall, sentBody } from '../../../../test/support/adapter-calls.js';
import type { EmbeddingRequest } from '../../../openai/index.js';
import { cohereEmbeddings } from './openai-cohere-embeddings.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const deployment = { ...aDeploymentView('cohere', { operations: ['embeddings'] }), dialect: 'cohere' as const };
const vectors = (...float: unknown[]) =>
  JSON.stringify({ embeddings: { float }, meta: { billed_units: { input_tokens: 2, image_tokens: 0 } } });
const open = (request: object) => openCall(cohereEmbeddings, deployment, request);
const gaps = (input: unknown) =>
  cohereEmbeddings.gaps({ model: 'm', input } as EmbeddingRequest, deployment).map(({ reason }) => reason);

describe('embeddings of Cohere', () => {
  it('ask for vectors of whole texts', () => {
    expect(sentBody(cohereEmbeddings, deployment, { input: 'a', dimensions: 256 })).toEqual({
      model: 'upstream-model',
      texts: ['a'],
      input_type: 'search_document',
      embedding_types: ['float'],
      truncate: 'NONE',
      output_dimension: 256,
    });
    const query = { ...deployment, quirks: { inputType: 'search_query' } };
    expect(sentBody(cohereEmbeddings, query, { input: ['a', 'b'] })).toMatchObject({
      texts: ['a', 'b'],
      input_type: 'search_query',
    });
  });

  it('give the encoding that was asked for, and what was billed', () => {
    const numbers = answer(open({ input: ['a', 'b'] }), vectors([1], [0.5]), JSON_TYPE);
    expect(numbers.find(({ kind }) => kind === 'embedding')).toMatchObject({
      response: {
        object: 'list',
        data: [
          { index: 0, embedding: [1] },
          { index: 1, embedding: [0.5] },
        ],
        model: 'upstream-model',
        usage: { prompt_tokens: 2, total_tokens: 2 },
      },
    });
    expect(numbers.find(({ kind }) => kind === 'usage')).toMatchObject({ usage: { input: 2, output: 0 } });
    const text = answer(open({ input: 'a', encoding_format: 'base64' }), vectors([1]), JSON_TYPE);
    expect(text.find(({ kind }) => kind === 'embedding')).toMatchObject({
      response: { data: [{ embedding: 'AACAPw==' }] },
    });
  });

  it('are refused as malformed when a vector is none', () => {
    expect(failureIn(answer(open({ input: 'a' }), vectors(['x']), JSON_TYPE))?.class).toBe('malformed');
    expect(failureIn(answer(open({ input: 'a' }), '{}', JSON_TYPE))?.class).toBe('malformed');
    expect(failureIn(answer(open({ input: 'a' }), '', JSON_TYPE))?.class).toBe('truncated');
  });

  it('cannot take tokens, or more than 96 texts', () => {
    expect(gaps([1, 2])).toEqual(['only texts, no tokens']);
    expect(gaps(Array.from({ length: 97 }, () => 'a'))).toEqual(['at most 96 texts']);
    expect(gaps(['a'])).toEqual([]);
  });
});
