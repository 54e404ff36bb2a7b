import { describe, expect, it } from '@jest/globals';

import { readUsage } from './read-usage.js';

const NONE = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 };
const read = (raw: object, bound = 10_000) => readUsage(raw as Record<string, unknown>, bound);

describe('usage of Gemini', () => {
  it('U3: thoughts and the prompt of tools stand beside answer and prompt, cached tokens inside', () => {
    const raw = {
      promptTokenCount: 332,
      toolUsePromptTokenCount: 643,
      cachedContentTokenCount: 191,
      candidatesTokenCount: 53,
      thoughtsTokenCount: 173,
      totalTokenCount: 1_201,
    };
    expect(read(raw)).toEqual({
      usage: { ...NONE, input: 784, cachedInput: 191, output: 53, reasoning: 173 },
      anomaly: null,
    });
  });

  it('U9: tokens that only the total knows are charged as reasoning and flagged; a smaller total says nothing', () => {
    const raw = { promptTokenCount: 10, candidatesTokenCount: 5 };
    expect(read({ ...raw, totalTokenCount: 25 })).toEqual({
      usage: { ...NONE, input: 10, output: 5, reasoning: 10 },
      anomaly: 'unexplained_total',
    });
    expect(read({ ...raw, totalTokenCount: 1 })).toMatchObject({ usage: { reasoning: 0 }, anomaly: null });
  });

  it('U10: absent is no report; negative, fractional and tenfold counts are refused', () => {
    expect(read({ trafficType: 'ON_DEMAND' })).toBeNull();
    expect(read({ promptTokenCount: null })).toBeNull();
    const refused = { usage: null, anomaly: 'refused' };
    expect(read({ promptTokenCount: -1 })).toEqual(refused);
    expect(read({ promptTokenCount: 1, candidatesTokenCount: 1.5 })).toEqual(refused);
    expect(read({ promptTokenCount: 1, thoughtsTokenCount: '7' })).toEqual(refused);
    expect(read({ promptTokenCount: 1, candidatesTokenCount: 101 }, 10)).toEqual(refused);
  });

  it('a count of 0 is left out on the wire', () => {
    expect(read({ promptTokenCount: 271, totalTokenCount: 271 })).toEqual({
      usage: { ...NONE, input: 271 },
      anomaly: null,
    });
  });

  it('more cached tokens than prompt are cut to it', () => {
    expect(read({ promptTokenCount: 5, cachedContentTokenCount: 9 })).toEqual({
      usage: { ...NONE, cachedInput: 5 },
      anomaly: 'overlap',
    });
  });

  it('sound is metered apart, without what a cache held', () => {
    const audio = (tokenCount: unknown) => [{ modality: 'AUDIO', tokenCount }, { modality: 'TEXT', tokenCount: 1 }, 7];
    const raw = {
      promptTokenCount: 100,
      promptTokensDetails: audio(60),
      cachedContentTokenCount: 20,
      cacheTokensDetails: audio(20),
      candidatesTokenCount: 30,
      candidatesTokensDetails: audio(25),
    };
    expect(read(raw)?.usage).toEqual({
      ...NONE,
      input: 40,
      cachedInput: 20,
      output: 5,
      extras: [
        { meter: 'inputAudio', quantity: 40 },
        { meter: 'outputAudio', quantity: 25 },
      ],
    });
    expect(read({ promptTokenCount: 5, promptTokensDetails: audio('x') })?.usage).toEqual({ ...NONE, input: 5 });
  });
});
