import { describe, expect, it } from '@jest/globals';

import { toOpenAiUsage } from '../usage.js';
import { quirksOf } from './quirks.js';
import { readReportedCost, readUsage } from './read-usage.js';

const BOUND = 4_096;
const read = (vendor: string, raw: unknown) => readUsage(raw, quirksOf({ vendor, quirks: {} }), BOUND);
const tokens = (prompt: unknown, completion: unknown, more: object = {}) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  ...more,
});
const reasoning = (count: number) => ({ completion_tokens_details: { reasoning_tokens: count } });

describe('readUsage of vendors of the OpenAI dialect', () => {
  it('U1: xAI leaves reasoning out of completion_tokens', () => {
    const usage = read('xai', tokens(291, 26, { total_tokens: 506, ...reasoning(189) }))?.usage;
    expect(usage).toEqual({ input: 291, cachedInput: 0, cacheWrite: 0, output: 26, reasoning: 189 });
    expect(usage && toOpenAiUsage(usage).completion_tokens).toBe(215);
    expect(read('xai', tokens(291, 26, reasoning(189)))?.usage).toEqual(usage);
    expect(read('xai', tokens(10, 30, { total_tokens: 40, ...reasoning(20) }))?.usage).toMatchObject({
      output: 10,
      reasoning: 20,
    });
  });

  it.each(['openai', 'groq', 'deepseek'])(
    'U2: %s includes reasoning in completion_tokens, and output is never negative',
    (vendor) => {
      expect(read(vendor, tokens(5, 100, { total_tokens: 105, ...reasoning(64) }))?.usage).toMatchObject({
        output: 36,
        reasoning: 64,
      });
      expect(read(vendor, tokens(5, 10, { total_tokens: 15, ...reasoning(64) }))?.usage).toMatchObject({
        output: 0,
        reasoning: 10,
      });
    },
  );

  it.each([
    ['openai', { prompt_tokens_details: { cached_tokens: 40 } }],
    ['deepseek', { prompt_cache_hit_tokens: 40, prompt_cache_miss_tokens: 60 }],
    ['mistral', { num_cached_tokens: 40 }],
    ['writer', { prompt_token_details: { cached_tokens: 40 } }],
    ['deepseek', { prompt_tokens_details: { cached_tokens: 40 }, prompt_cache_hit_tokens: 40 }],
  ])('U5: finds cached tokens of %s once', (vendor, more) => {
    expect(read(vendor, tokens(100, 1, more))?.usage).toMatchObject({ input: 60, cachedInput: 40 });
  });

  it('keeps cached and written tokens within the prompt and flags the overlap', () => {
    const report = read(
      'openrouter',
      tokens(100, 1, { prompt_tokens_details: { cached_tokens: 90, cache_write_tokens: 90 } }),
    );
    expect(report).toMatchObject({ usage: { input: 0, cachedInput: 90, cacheWrite: 10 }, anomaly: 'overlap' });
  });

  it('U9: an unexplained total is charged as reasoning and flagged; a total below the sum is ignored', () => {
    expect(read('openai', tokens(10, 20, { total_tokens: 35 }))).toMatchObject({
      usage: { output: 20, reasoning: 5 },
      anomaly: 'unexplained_total',
    });
    expect(read('openai', tokens(10, 20, { total_tokens: 3 }))).toMatchObject({
      usage: { output: 20, reasoning: 0 },
      anomaly: null,
    });
  });

  it.each([[{}], [null], ['12'], [tokens(null, null)], [tokens(3, undefined)]])(
    'U10: %j is no report, not a report of 0',
    (raw) => {
      expect(read('openai', raw)).toBeNull();
    },
  );

  it('U10: a reported 0 stays 0', () => {
    expect(read('openai', tokens(0, 0))?.usage).toMatchObject({ input: 0, output: 0 });
  });

  it.each([
    ['negative', tokens(-1, 2)],
    ['fraction', tokens(1, 2.5)],
    ['text', tokens('7', 2)],
    ['unsafe', tokens(2 ** 60, 2)],
    ['negative detail', tokens(9, 2, { prompt_tokens_details: { cached_tokens: -4 } })],
    ['more than tenfold', tokens(1, 10 * BOUND + 1)],
  ])('U10: refuses a %s count', (_name, raw) => {
    expect(read('openai', raw)).toEqual({ usage: null, anomaly: 'refused' });
  });

  it('U10: takes exactly tenfold', () => {
    expect(read('openai', tokens(1, 10 * BOUND))?.usage?.output).toBe(10 * BOUND);
  });

  it('takes audio out of the text tokens', () => {
    const usage = read(
      'openai',
      tokens(10, 20, { prompt_tokens_details: { audio_tokens: 4 }, completion_tokens_details: { audio_tokens: 5 } }),
    )?.usage;
    expect(usage).toMatchObject({
      input: 6,
      output: 15,
      extras: [
        { meter: 'inputAudio', quantity: 4 },
        { meter: 'outputAudio', quantity: 5 },
      ],
    });
    expect(usage && toOpenAiUsage(usage)).toMatchObject({ prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 });
  });

  it('U12: reads the cost of OpenRouter as decimal text', () => {
    expect(readReportedCost({ cost: 0.00000034 })).toBe('0.00000034');
    expect(readReportedCost({ cost: 0 })).toBe('0');
    expect(readReportedCost({ cost: -1 })).toBeNull();
    expect(readReportedCost({})).toBeNull();
  });
});
