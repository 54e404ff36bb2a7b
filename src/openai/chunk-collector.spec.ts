import { describe, expect, it } from '@jest/globals';

import type { ChatChunk, ChatDelta, FinishReason } from './chat.js';
import { ChunkCollector } from './chunk-collector.js';

const chunk = (delta: ChatDelta, finish: FinishReason | null = null, index = 0): ChatChunk => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 7,
  model: 'm',
  choices: [{ index, delta, finish_reason: finish, logprobs: null }],
});

function collect(...chunks: readonly ChatChunk[]) {
  const collector = new ChunkCollector();
  for (const one of chunks) collector.add(one);
  return collector.collect();
}

describe('ChunkCollector', () => {
  it('joins text, reasoning and refusal', () => {
    const { choices } = collect(
      chunk({ role: 'assistant', content: '' }),
      chunk({ reasoning_content: 'h' }),
      chunk({ content: 'a' }),
      chunk({ content: 'b' }, 'stop'),
    );
    expect(choices[0]).toEqual({
      index: 0,
      message: { role: 'assistant', content: 'ab', refusal: null, reasoning_content: 'h' },
      finish_reason: 'stop',
      logprobs: null,
    });
    expect(collect(chunk({ refusal: 'no' }, 'stop')).choices[0]?.message).toEqual({
      role: 'assistant',
      content: null,
      refusal: 'no',
    });
  });

  it('keeps parallel tool calls apart by their index', () => {
    const { choices } = collect(
      chunk({ tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] }),
      chunk({ tool_calls: [{ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '{"x"' } }] }),
      chunk({ tool_calls: [{ index: 1, function: { arguments: ':1}' } }] }, 'tool_calls'),
    );
    expect(choices[0]?.message.content).toBeNull();
    expect(choices[0]?.message.tool_calls).toEqual([
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
      { id: 'b', type: 'function', function: { name: 'g', arguments: '{"x":1}' } },
    ]);
  });

  it('orders choices, joins log probabilities and keeps the last usage', () => {
    const collector = new ChunkCollector();
    const one = chunk({ content: 'b' }, 'length', 1);
    collector.add({
      ...one,
      choices: one.choices.map((choice) => ({ ...choice, logprobs: { content: [1], refusal: null } })),
    });
    collector.add(chunk({ content: 'a' }, 'stop', 0));
    collector.add({ ...chunk({}), choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } });
    const answer = collector.collect();
    expect(answer.choices.map(({ index, finish_reason: finish }) => [index, finish])).toEqual([
      [0, 'stop'],
      [1, 'length'],
    ]);
    expect(answer.choices[1]?.logprobs).toEqual({ content: [1], refusal: null });
    expect(answer.usage?.total_tokens).toBe(3);
  });

  it('merges members of vendors without letting them reach the prototype', () => {
    const state = (block: string): ChatDelta => ({ extra_content: { anthropic: { thinking_blocks: [block] } } });
    const hostile = JSON.parse('{"__proto__":{"polluted":true},"content":"x"}') as ChatDelta;
    const { choices } = collect(chunk(state('one')), chunk(state('two')), chunk(hostile, 'stop'));
    expect(choices[0]?.message['extra_content']).toEqual({ anthropic: { thinking_blocks: ['one', 'two'] } });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
