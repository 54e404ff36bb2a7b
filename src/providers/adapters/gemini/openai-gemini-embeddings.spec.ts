import { describe, expect, it } from '@jest/globals';

import { answer, aDeploymentView, failureIn, openCall } from '../../../../test/support/adapter-calls.js';
import type { DeploymentView } from '../adapter.js';
import { geminiEmbeddings } from './openai-gemini-embeddings.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const at = (vendor: string, upstreamModel = 'text-embedding-005'): DeploymentView => ({
  ...aDeploymentView(vendor, { operations: ['embeddings'] }),
  dialect: 'gemini',
  upstreamModel,
});
const sent = (vendor: string, request: object, model?: string) => {
  const { path, body } = openCall(geminiEmbeddings, at(vendor, model), request).request;
  return [path, JSON.parse(Buffer.from(body ?? []).toString()) as unknown];
};
const answered = (vendor: string, request: object, body: unknown) =>
  answer(openCall(geminiEmbeddings, at(vendor), request), JSON.stringify(body), JSON_TYPE);
const gaps = (vendor: string, request: object, model?: string) =>
  geminiEmbeddings.gaps({ model: 'm', input: '', ...request }, at(vendor, model)).map(({ member }) => member);

describe('embeddings of Google', () => {
  it('one text, several texts and Vertex are asked in their own way', () => {
    const request = (text: string) => ({
      model: 'models/text-embedding-005',
      content: { parts: [{ text }] },
      outputDimensionality: 64,
    });
    expect(sent('gemini', { input: 'a', dimensions: 64 })).toEqual([
      '/v1beta/models/text-embedding-005:embedContent',
      request('a'),
    ]);
    expect(sent('gemini', { input: ['a', 'b'], dimensions: 64 })).toEqual([
      '/v1beta/models/text-embedding-005:batchEmbedContents',
      { requests: [request('a'), request('b')] },
    ]);
    expect(sent('vertex', { input: ['a', 'b'], dimensions: 64 })).toEqual([
      '/v1beta1/publishers/google/models/text-embedding-005:predict',
      { instances: [{ content: 'a' }, { content: 'b' }], parameters: { outputDimensionality: 64 } },
    ]);
  });

  it.each([
    ['gemini', { input: 'a' }, { embedding: { values: [1, 2] } }, 1, null],
    [
      'gemini',
      { input: ['a', 'b'] },
      { embeddings: [{ values: [1, 2] }, { values: [3, 4] }], usageMetadata: { promptTokenCount: 7 } },
      2,
      7,
    ],
    [
      'vertex',
      { input: ['a', 'b'] },
      {
        predictions: [
          { embeddings: { values: [1, 2], statistics: { token_count: 3 } } },
          { embeddings: { values: [3, 4], statistics: { token_count: 4 } } },
        ],
      },
      2,
      7,
    ],
  ])('%s answers %j', (vendor, request, body, count, tokens) => {
    const emissions = answered(vendor, request, body);
    const data = [
      { object: 'embedding', index: 0, embedding: [1, 2] },
      { object: 'embedding', index: 1, embedding: [3, 4] },
    ].slice(0, count);
    const usage = { prompt_tokens: tokens ?? 0, total_tokens: tokens ?? 0 };
    expect(emissions).toContainEqual({
      kind: 'embedding',
      response: { object: 'list', data, model: 'text-embedding-005', usage },
    });
    expect(emissions.some(({ kind }) => kind === 'usage')).toBe(tokens !== null);
    expect(emissions.at(-1)?.kind).toBe('done');
  });

  it('the encoding is what the caller asked for', () => {
    const emissions = answered('gemini', { input: 'a', encoding_format: 'base64' }, { embedding: { values: [1] } });
    expect(emissions).toContainEqual(
      expect.objectContaining({
        response: expect.objectContaining({ data: [expect.objectContaining({ embedding: 'AACAPw==' })] }),
      }),
    );
  });

  it('a missing vector is no answer', () => {
    const two = { input: ['a', 'b'] };
    expect(failureIn(answered('gemini', two, { embeddings: [{ values: [1] }] }))?.class).toBe('malformed');
    expect(failureIn(answered('gemini', two, { embeddings: [{ values: [1] }, {}] }))?.class).toBe('malformed');
    expect(failureIn(answered('gemini', two, {}))?.class).toBe('malformed');
    expect(failureIn(answered('gemini', two, { error: { code: 429, status: 'RESOURCE_EXHAUSTED' } }))?.class).toBe(
      'rate_limited',
    );
    expect(failureIn(answer(openCall(geminiEmbeddings, at('gemini'), two), ''))?.class).toBe('truncated');
  });

  it('tokens and too many texts are gaps', () => {
    const texts = (count: number) => ({ input: Array.from({ length: count }, () => 'a') });
    expect(gaps('gemini', { input: [1, 2] })).toEqual(['input']);
    expect([gaps('gemini', texts(100)), gaps('gemini', texts(101))]).toEqual([[], ['input']]);
    expect([gaps('vertex', texts(250)), gaps('vertex', texts(251))]).toEqual([[], ['input']]);
    expect(gaps('vertex', texts(2), 'gemini-embedding-001')).toEqual(['input']);
  });
});
