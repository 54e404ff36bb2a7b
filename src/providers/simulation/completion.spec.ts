import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { type ChatPrompt, complete, outputTokens, promptTokens } from './completion.js';
import { embed } from './embeddings.js';
import { PromptCache, splitInput } from './prompt-cache.js';
import { countTokens, groupTokens, tokenise } from './tokens.js';

const PROMPT: ChatPrompt = {
  model: 'sim-small',
  turns: [{ role: 'user', text: 'Summarise the statements of the first witness.' }],
  stream: false,
  maxTokens: 4_096,
  stops: [],
  choices: 1,
  format: { kind: 'text' },
  tools: [],
  toolUse: 'auto',
  thinkingBudget: 0,
  caching: 'automatic',
};
const TOOL = {
  name: 'find_person',
  parameters: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
};

function answer(change: Partial<ChatPrompt> = {}, seed = 7) {
  const [choice] = complete({ ...PROMPT, ...change }, seed);
  if (choice === undefined) throw new Error('No choice');
  return { ...choice, text: choice.content.join('') };
}

describe('complete', () => {
  it('gives the same text and token counts for the same seed and messages', () => {
    expect(answer()).toEqual(answer());
    expect(answer().text).not.toBe(answer({}, 8).text);
    expect(answer().text).not.toBe(answer({ turns: [{ role: 'user', text: 'Something else' }] }).text);
  });

  it('begins every text with the mark of simulation', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (text, seed) => {
        expect(answer({ turns: [{ role: 'user', text }] }, seed).text).toMatch(/^\[SIMULATED\]/);
      }),
      { numRuns: 50 },
    );
  });

  it.each([1, 5, 17])('stops after %i tokens and says so', (maxTokens) => {
    const cut = answer({ maxTokens });
    expect(cut.content).toHaveLength(maxTokens);
    expect(cut.finish).toBe('length');
  });

  it('finishes by itself when the bound is exactly the length of the answer, and one below it does not', () => {
    const { length } = answer().content;
    expect(answer({ maxTokens: length }).finish).toBe('stop');
    expect(answer({ maxTokens: length - 1 }).finish).toBe('length');
  });

  it('ends before the first stop sequence', () => {
    const cut = answer({ stops: ['.', 'nowhere to be found'] });
    expect(cut.text).toBe(answer().text.split('.')[0]);
    expect(cut).toMatchObject({ finish: 'stop_sequence', stopSequence: '.' });
  });

  it('gives n different answers and counts the tokens of all', () => {
    const choices = complete({ ...PROMPT, choices: 3 }, 7);
    expect(new Set(choices.map(({ content }) => content.join(''))).size).toBe(3);
    expect(outputTokens(choices).output).toBe(choices.reduce((total, { content }) => total + content.length, 0));
  });

  it('answers in JSON when asked to', () => {
    expect(JSON.parse(answer({ format: { kind: 'json' } }).text)).toMatchObject({ simulated: true });
    const schema = { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } };
    expect(JSON.parse(answer({ format: { kind: 'schema', schema } }).text)).toEqual({ a: expect.any(Number) });
  });

  it('calls a tool for a user and writes text after its result', () => {
    const call = answer({ tools: [TOOL] });
    expect(call).toMatchObject({ finish: 'tool_calls', toolCall: { name: 'find_person' } });
    expect(JSON.parse(call.toolCall?.arguments.join('') ?? '')).toEqual({
      name: expect.stringMatching(/^\[SIMULATED\]/),
    });
    expect(answer({ tools: [TOOL], toolUse: 'none' }).toolCall).toBeNull();
    expect(answer({ tools: [TOOL], turns: [...PROMPT.turns, { role: 'tool', text: '{}' }] }).toolCall).toBeNull();
  });

  it('thinks within its budget and before the answer', () => {
    const thought = answer({ thinkingBudget: 12, maxTokens: 20 });
    expect(thought.thinking).toHaveLength(12);
    expect(thought.content).toHaveLength(8);
  });
});

describe('tokens', () => {
  it('join to the text they came from, grouped or not', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tokenise(text).join('')).toBe(text);
        expect(
          groupTokens(tokenise(text), () => 0.7)
            .map((piece) => piece.text)
            .join(''),
        ).toBe(text);
      }),
    );
  });

  it('are about four characters long', () => {
    const text = answer().text;
    expect(text.length / countTokens(text)).toBeGreaterThan(3);
    expect(text.length / countTokens(text)).toBeLessThan(6);
  });
});

describe('PromptCache', () => {
  const long = { ...PROMPT, turns: [{ role: 'user' as const, text: 'word '.repeat(3_000) }] };

  it('reports a repeated long beginning in steps of 128 and keeps the sum', () => {
    const cache = new PromptCache();
    const tokens = promptTokens(long);
    expect(splitInput(long, tokens, cache)).toEqual({ input: tokens.length, cachedInput: 0, cacheWrite: 0 });
    const again = splitInput(long, tokens, cache);
    expect(again.cachedInput).toBe(Math.floor(tokens.length / 128) * 128);
    expect(again.input + again.cachedInput).toBe(tokens.length);
  });

  it('writes and reads only what is marked when marks are needed', () => {
    const cache = new PromptCache();
    const marked: ChatPrompt = { ...long, turns: [...long.turns, ...PROMPT.turns], caching: { throughTurn: 0 } };
    const tokens = promptTokens(marked);
    const first = splitInput(marked, tokens, cache);
    const second = splitInput(marked, tokens, cache);
    expect(first).toMatchObject({ cachedInput: 0, cacheWrite: promptTokens(long).length });
    expect(second.cachedInput).toBeGreaterThan(1_024);
    for (const { input, cachedInput, cacheWrite } of [first, second]) {
      expect(input + cachedInput + cacheWrite).toBe(tokens.length);
    }
  });

  it('leaves short prompts alone', () => {
    const cache = new PromptCache();
    const tokens = promptTokens(PROMPT);
    splitInput(PROMPT, tokens, cache);
    expect(splitInput(PROMPT, tokens, cache).cachedInput).toBe(0);
  });
});

describe('embed', () => {
  it('has unit length, is deterministic and brings related texts together', () => {
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((total, value, at) => total + value * (b[at] ?? 0), 0);
    const vector = embed('the bank records of March', 256, 7);
    expect(dot(vector, vector)).toBeCloseTo(1, 5);
    expect(vector).toEqual(embed('the bank records of March', 256, 7));
    const near = dot(vector, embed('the bank records of April', 256, 7));
    expect(near).toBeGreaterThan(dot(vector, embed('vehicle register entry', 256, 7)));
  });
});
