import { describe, expect, it } from '@jest/globals';

import { listedModels } from './listed-models.js';

const read = (value: unknown): readonly string[] | null => listedModels(Buffer.from(JSON.stringify(value)));

describe('list of models', () => {
  it.each([
    ["OpenAI's", { object: 'list', data: [{ id: 'gpt-x' }, { id: 'gpt-y' }] }, ['gpt-x', 'gpt-y']],
    ["Gemini's", { models: [{ name: 'models/gemini-x' }] }, ['gemini-x']],
    ["Cohere's", { models: [{ name: 'command-x' }] }, ['command-x']],
    ["Together's", [{ id: 'llama-x' }], ['llama-x']],
  ])('reads %s', (_whose, body, names) => {
    expect(read(body)).toEqual(names);
  });

  it.each([
    ['a page of a longer list', { data: [{ id: 'a' }], has_more: true }],
    ['another page', { models: [{ name: 'a' }], nextPageToken: 'x' }],
    ['an empty list', { data: [] }],
    ['something else', { version: '0.5' }],
    ['rows that name nothing', { data: [null, 7, { id: 7 }] }],
  ])('does not judge by %s', (_what, body) => {
    expect(read(body)).toBeNull();
  });

  it('does not judge by what is no JSON', () => {
    expect(listedModels(Buffer.from('<html>'))).toBeNull();
  });
});
