import { describe, expect, it } from '@jest/globals';

import { estimateRequest } from './estimate-request.js';
import { countOutput, estimateTokens, inputBound } from './estimate-tokens.js';

const prose =
  'The investigators reviewed the transactions between several offshore accounts, and found 14 counterparties. ';
const base64 = Buffer.from(Array.from({ length: 768 }, (_, index) => (index * 37) % 251)).toString('base64');
const hash = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

describe('estimateTokens', () => {
  it('is near the usual count of prose', () => {
    expect(estimateTokens(prose)).toBeGreaterThanOrEqual(15);
    expect(estimateTokens(prose)).toBeLessThanOrEqual(30);
  });

  it.each([
    ['base64', base64],
    ['a hash', hash],
    ['hashes between words', `evidence ${hash} of ${hash}`],
  ])('counts %s by its bytes', (_, text) => {
    expect(estimateTokens(text)).toBeGreaterThanOrEqual(
      Math.floor(text.replaceAll(/evidence| of |\s/g, '').length * 0.99),
    );
  });

  it('leaves words, paths and scripts without blanks to the rules', () => {
    expect(estimateTokens('Donaudampfschifffahrtsgesellschaft')).toBeLessThan(20);
    expect(estimateTokens('src/metering/domain/estimate-tokens/example')).toBeLessThan(25);
  });

  it('never exceeds the bytes of the text', () => {
    for (const text of ['', 'a', '.', '日本語のテキスト', '🙂🙂', 'Ж'.repeat(50)]) {
      expect(estimateTokens(text)).toBeLessThanOrEqual(Buffer.byteLength(text));
    }
  });

  it('judges long texts by slices, never lower than in full by much, and in bounded time', () => {
    const long = prose.repeat(10_000);
    const perRepeat = estimateTokens(prose.repeat(100)) / 100;
    expect(estimateTokens(long)).toBeGreaterThanOrEqual(perRepeat * 10_000 * 0.98);
    expect(estimateTokens(long)).toBeLessThanOrEqual(perRepeat * 10_000 * 1.1);
  });
});

describe('inputBound', () => {
  it('is the local count with its margin, at most the bytes, and the frame of each message', () => {
    expect(inputBound(1_000, 2, 100)).toBe(125 + 32);
    expect(inputBound(90, 1, 100)).toBe(90 + 16);
    expect(inputBound(1_000, 0, 100, 50)).toBe(102 + 16);
  });
});

describe('countOutput', () => {
  it('counts received bytes and never passes the bound', () => {
    expect(countOutput({ textBytes: 300, reasoningBytes: 31 }, 1_000)).toEqual({ output: 100, reasoning: 11 });
    expect(countOutput({ textBytes: 300, reasoningBytes: 30 }, 105)).toEqual({ output: 100, reasoning: 5 });
    expect(countOutput({ textBytes: 0, reasoningBytes: 0 }, 10)).toEqual({ output: 0, reasoning: 0 });
  });
});

describe('estimateRequest', () => {
  it('sizes messages, tools and schemas, and leaves other members alone', () => {
    const messages = [{ role: 'user', content: prose }];
    const bare = estimateRequest({ messages });
    expect(bare.bound).toBeGreaterThan(bare.tokens);
    expect(estimateRequest({ messages, metadata: { note: prose.repeat(9) } })).toEqual(bare);
    const tools = [{ type: 'function', function: { name: 'find', description: prose } }];
    expect(estimateRequest({ messages, tools }).tokens).toBeGreaterThan(bare.tokens + 15);
  });

  it('bounds images by the vendors’ maximum, not by their bytes', () => {
    const url = `data:image/png;base64,${base64.repeat(100)}`;
    const { bound } = estimateRequest({
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
    });
    expect(bound).toBeGreaterThanOrEqual(5_000);
    expect(bound).toBeLessThan(6_000);
  });

  it('counts token ids of an embedding request one by one', () => {
    expect(
      estimateRequest({
        input: [
          [1, 2, 3],
          [4, 5],
        ],
      }).tokens,
    ).toBe(5 + 8);
  });

  it('survives nesting deeper than any request has', () => {
    let value: unknown = 'x';
    for (let depth = 0; depth < 10_000; depth += 1) value = [value];
    expect(estimateRequest({ messages: value }).tokens).toBeGreaterThanOrEqual(0);
  });
});
