import { describe, expect, it } from '@jest/globals';

import { toOpenAiUsage } from '../usage.js';
import { readUsage } from './read-usage.js';

const NOTHING = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 };
const RAW = {
  inputTokens: 3,
  outputTokens: 61,
  totalTokens: 2_435,
  cacheReadInputTokens: 2_074,
  cacheReadInputTokenCount: 2_074,
  cacheWriteInputTokens: 297,
  cacheWriteInputTokenCount: 297,
  cacheDetails: [{ inputTokens: 297, ttl: '5m' }],
};

describe('usage of Bedrock', () => {
  it('U7: input leaves cache reads and writes out, and both names of them count once', () => {
    const report = readUsage(RAW, 1_000);
    expect(report).toEqual({
      usage: { input: 3, cachedInput: 2_074, cacheWrite: 297, output: 61, reasoning: 0 },
      anomaly: null,
    });
    expect(toOpenAiUsage(report?.usage ?? NOTHING)).toMatchObject({ prompt_tokens: 2_374, total_tokens: 2_435 });
  });

  it('U7: either name alone is enough', () => {
    const { cacheReadInputTokens: _read, cacheWriteInputTokens: _written, ...counts } = RAW;
    const { cacheReadInputTokenCount: _count, cacheWriteInputTokenCount: _count2, ...tokens } = RAW;
    expect(readUsage(counts, 1_000)).toEqual(readUsage(RAW, 1_000));
    expect(readUsage(tokens, 1_000)).toEqual(readUsage(RAW, 1_000));
  });

  it('one-hour writes are apart from short ones', () => {
    const cacheDetails = [
      { inputTokens: 97, ttl: '1h' },
      { inputTokens: 200, ttl: '5m' },
    ];
    expect(readUsage({ ...RAW, cacheDetails }, 1_000)?.usage).toMatchObject({
      cacheWrite: 200,
      extras: [{ meter: 'cacheWrite1h', quantity: 97 }],
    });
    expect(readUsage({ ...RAW, cacheDetails: [{ inputTokens: 9_999, ttl: '1h' }] }, 1_000)?.usage?.cacheWrite).toBe(0);
  });

  it('U9: what only the total knows is reasoning and flagged; a total below the sum is ignored', () => {
    const plain = { inputTokens: 10, outputTokens: 5 };
    expect(readUsage({ ...plain, totalTokens: 45 }, 1_000)).toMatchObject({
      usage: { output: 5, reasoning: 30 },
      anomaly: 'unexplained_total',
    });
    expect(readUsage({ ...plain, totalTokens: 2 }, 1_000)).toMatchObject({ usage: { reasoning: 0 }, anomaly: null });
  });

  it('U10: absent is no report; negative, fractional and absurd counts are refused', () => {
    expect(readUsage({}, 1_000)).toBeNull();
    expect(readUsage({ inputTokens: 1, outputTokens: null }, 1_000)).toBeNull();
    for (const odd of [
      { inputTokens: -1 },
      { outputTokens: 1.5 },
      { outputTokens: 10_001 },
      { cacheWriteInputTokens: 'x' },
    ])
      expect(readUsage({ ...RAW, ...odd }, 1_000)).toMatchObject({ usage: null, anomaly: 'refused' });
  });
});
