import { describe, expect, it } from '@jest/globals';

import { answer, aDeploymentView, failureIn, openCall } from '../../../../test/support/adapter-calls.js';
import { encodeVector } from '../vectors.js';
import { openAiEmbeddings } from './openai-embeddings.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const VECTOR = [0.5, -0.25, 3];
const BASE64 = encodeVector(VECTOR, true) as string;
const open = (encoding?: string) =>
  openCall(openAiEmbeddings, aDeploymentView('mistral'), { input: ['a', 'b'], encoding_format: encoding });
const body = (one: unknown, other: unknown) =>
  JSON.stringify({
    data: [
      { index: 1, embedding: other },
      { index: 0, embedding: one },
    ],
    model: 'e',
    usage: { prompt_tokens: 9, total_tokens: 9, completion_tokens: 0 },
  });

describe('embeddings', () => {
  it.each([
    ['base64', VECTOR],
    ['base64', BASE64],
    ['float', VECTOR],
    ['float', BASE64],
    [undefined, BASE64],
  ])('asked for %s the caller gets it, in order, when the vendor sends %j', (encoding, vector) => {
    const emissions = answer(open(encoding), body(vector, VECTOR), JSON_TYPE);
    expect(emissions.map(({ kind }) => kind)).toEqual(['answered', 'usage', 'embedding', 'done']);
    const [, , found] = emissions;
    const wanted = encoding === 'base64' ? BASE64 : VECTOR;
    expect(found?.kind === 'embedding' && found.response).toMatchObject({
      object: 'list',
      data: [
        { index: 0, embedding: wanted },
        { index: 1, embedding: wanted },
      ],
      usage: { prompt_tokens: 9, total_tokens: 9 },
    });
  });

  it('writes little-endian float32', () => {
    expect(Buffer.from(encodeVector([1], true) as string, 'base64')).toEqual(Buffer.from([0, 0, 0x80, 0x3f]));
  });

  it.each(['', 'abc', '****', [], ['x'], [Infinity], null, 7])('%j is no vector', (vector) => {
    expect(encodeVector(vector, true)).toBeNull();
    expect(encodeVector(vector, false)).toBeNull();
  });

  it('answers without vectors, with broken ones or with an error are failures', () => {
    expect(failureIn(answer(open(), '{"data":[]}', JSON_TYPE))?.class).toBe('malformed');
    expect(failureIn(answer(open(), body('abc', VECTOR), JSON_TYPE))?.class).toBe('malformed');
    expect(
      failureIn(answer(open(), '{"error":{"code":"rate_limit_exceeded","message":"x"}}', JSON_TYPE)),
    ).toMatchObject({ class: 'rate_limited', outcome: 'error_in_body' });
    expect(failureIn(answer(open(), '', JSON_TYPE))?.class).toBe('truncated');
  });

  it('sends what the caller asked for', () => {
    const sent = JSON.parse(Buffer.from(open('base64').request.body ?? []).toString()) as unknown;
    expect(sent).toEqual({ model: 'upstream-model', input: ['a', 'b'], encoding_format: 'base64' });
    expect(open().request.path).toBe('/embeddings');
  });
});
