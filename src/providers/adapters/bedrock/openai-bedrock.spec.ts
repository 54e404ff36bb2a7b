import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { aDeploymentView, failureIn, openCall } from '../../../../test/support/adapter-calls.js';
import { encodeEvents, encodeException, encodeFrame, type NamedEvent } from '../../../../test/support/event-stream.js';
import { ChunkCollector } from '../../../openai/index.js';
import type { DeploymentView, Emission, Exchange } from '../adapter.js';
import { toOpenAiUsage } from '../usage.js';
import { bedrockChat } from './openai-bedrock.js';

const EVENTS = { 'content-type': 'application/vnd.amazon.eventstream', date: 'Thu, 01 Jan 2026 00:00:00 GMT' };
const JSON_TYPE = { ...EVENTS, 'content-type': 'application/json' };
const USAGE = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
const METADATA = { metadata: { usage: USAGE, metrics: { latencyMs: 1 } } };

const deployment = (upstreamModel: string): DeploymentView => ({
  ...aDeploymentView('bedrock'),
  dialect: 'bedrock',
  upstreamModel,
});
const open = (request: object = {}, model = 'us.amazon.nova-micro-v1:0'): Exchange =>
  openCall(bedrockChat, deployment(model), request);
const feed = (exchange: Exchange, bytes: Buffer, headers = EVENTS): readonly Emission[] => [
  ...exchange.accept(200, headers),
  ...exchange.push(bytes),
  ...exchange.end(),
];
const streamed = (...events: readonly NamedEvent[]) => feed(open(), encodeEvents(...events));
const whole = (content: readonly object[], more: object = {}, exchange = open()) => {
  const answer = { output: { message: { role: 'assistant', content } }, stopReason: 'end_turn', usage: USAGE, ...more };
  return feed(exchange, Buffer.from(JSON.stringify(answer)), JSON_TYPE);
};
const start = (contentBlockIndex: number, name: string): NamedEvent => ({
  contentBlockStart: { contentBlockIndex, start: { toolUse: { toolUseId: `id-${name}`, name } } },
});
const delta = (contentBlockIndex: number, one: object): NamedEvent => ({
  contentBlockDelta: { contentBlockIndex, delta: one },
});
const input = (contentBlockIndex: number, text: string): NamedEvent =>
  delta(contentBlockIndex, { toolUse: { input: text } });
const end = (contentBlockIndex: number): NamedEvent => ({ contentBlockStop: { contentBlockIndex } });
const stop = (stopReason: string): NamedEvent => ({ messageStop: { stopReason } });

function collect(emissions: readonly Emission[]) {
  const collector = new ChunkCollector();
  for (const one of emissions) if (one.kind === 'chunk') collector.add(one.chunk);
  const usage = emissions.flatMap((one) => (one.kind === 'usage' ? [toOpenAiUsage(one.usage)] : [])).at(-1);
  return { ...collector.collect(null), usage };
}
const choiceOf = (emissions: readonly Emission[]) => collect(emissions).choices[0];
const ending = (emissions: readonly Emission[]) => emissions.at(-1)?.kind;

const CALLS: readonly NamedEvent[] = [
  { messageStart: { role: 'assistant' } },
  delta(0, { reasoningContent: { text: 'Hm' } }),
  delta(0, { reasoningContent: { text: '.' } }),
  delta(0, { reasoningContent: { signature: 'sig' } }),
  end(0),
  delta(1, { text: 'Let me see.' }),
  end(1),
  start(2, 'weather'),
  input(2, '{"at":'),
  input(2, '"Bonn"}'),
  end(2),
  start(3, 'clock'),
  end(3),
  stop('tool_use'),
  METADATA,
];
const CONTENT = [
  { reasoningContent: { reasoningText: { text: 'Hm.', signature: 'sig' } } },
  { text: 'Let me see.' },
  { toolUse: { toolUseId: 'id-weather', name: 'weather', input: { at: 'Bonn' } } },
  { toolUse: { toolUseId: 'id-clock', name: 'clock', input: {} } },
];

describe('answers of Bedrock', () => {
  it('streamed and whole give the same text, reasoning, calls, finish and usage', () => {
    const parts = streamed(...CALLS);
    expect(collect(parts)).toEqual(collect(whole(CONTENT, { stopReason: 'tool_use' })));
    expect(collect(parts)).toMatchObject({
      id: 'chatcmpl-request-1-1',
      model: 'us.amazon.nova-micro-v1:0',
      created: 1_767_225_600,
      choices: [
        {
          message: {
            role: 'assistant',
            content: 'Let me see.',
            reasoning_content: 'Hm.',
            tool_calls: [
              { id: 'id-weather', function: { name: 'weather', arguments: '{"at":"Bonn"}' } },
              { id: 'id-clock', function: { name: 'clock', arguments: '{}' } },
            ],
            extra_content: { bedrock: { reasoning_blocks: [{ reasoningText: { text: 'Hm.', signature: 'sig' } }] } },
          },
          finish_reason: 'tool_calls',
        },
      ],
      usage: { prompt_tokens: 10, completion_tokens: 5 },
    });
    expect(parts.slice(-2).map(({ kind }) => kind)).toEqual(['usage', 'done']);
  });

  it('same bytes in, same bytes out, however they are split', () => {
    const bytes = encodeEvents(...CALLS);
    const expected = streamed(...CALLS);
    const split = (cuts: readonly number[]): readonly Emission[] => {
      const exchange = open();
      const edges = [...cuts].sort((one, other) => one - other);
      const pieces = [0, ...edges].map((from, at) => bytes.subarray(from, edges[at] ?? bytes.length));
      return [
        ...exchange.accept(200, EVENTS),
        ...pieces.flatMap((piece) => [...exchange.push(piece)]),
        ...exchange.end(),
      ];
    };
    expect(split(Array.from(bytes.keys()))).toEqual(expected);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        expect(split(cuts)).toEqual(expected);
      }),
    );
  });

  it('a torn stream never ends clean', () => {
    const torn = CALLS.slice(0, -2);
    const bytes = encodeEvents(...torn);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const emissions = feed(open(), bytes.subarray(0, cut));
      expect(failureIn(emissions)?.class).toBe('truncated');
      expect(ending(emissions)).toBe('failure');
    }
  });

  it('an answer that named its end is whole, also when nobody says what it cost', () => {
    const emissions = streamed(delta(0, { text: 'Hi' }), stop('end_turn'));
    expect(ending(emissions)).toBe('done');
    expect(emissions.some(({ kind }) => kind === 'usage')).toBe(false);
  });

  it('metadata may come before the end, and nothing after both is read', () => {
    const emissions = streamed(delta(0, { text: 'Hi' }), METADATA, stop('end_turn'), delta(1, { text: ' more' }));
    expect(choiceOf(emissions)).toMatchObject({ message: { content: 'Hi' }, finish_reason: 'stop' });
    expect(collect(emissions).usage).toMatchObject({ total_tokens: 15 });
    expect(ending(emissions)).toBe('done');
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['content_filtered', 'content_filter'],
    ['guardrail_intervened', 'content_filter'],
    ['tool_use', 'stop'],
    ['something_new', 'stop'],
  ])('finish %s is %s', (name, reason) => {
    const emissions = streamed(delta(0, { text: 'Hi' }), stop(name), METADATA);
    expect(emissions).toContainEqual({ kind: 'finish', choice: 0, reason });
    expect(choiceOf(whole([{ text: 'Hi' }], { stopReason: name }))?.finish_reason).toBe(reason);
  });

  it.each(['malformed_model_output', 'malformed_tool_use'])(
    'finish %s is a failure, and what it cost is known',
    (name) => {
      for (const emissions of [
        streamed(delta(0, { text: 'Hi' }), stop(name), METADATA),
        whole([{ text: 'Hi' }], { stopReason: name }),
      ]) {
        expect(failureIn(emissions)).toMatchObject({ class: 'malformed', vendorCode: name, billed: 'yes' });
        expect(emissions.some(({ kind }) => kind === 'usage')).toBe(true);
        expect(emissions.some(({ kind }) => kind === 'finish')).toBe(false);
      }
      expect(failureIn(streamed(stop(name)))).toMatchObject({ class: 'malformed', billed: 'no' });
    },
  );

  it('the arguments of the tool that shapes an answer are its text', () => {
    const request = {
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } },
    };
    const parts = feed(
      open(request),
      encodeEvents(
        start(0, 'structured_answer'),
        input(0, '{"a":'),
        input(0, '1}'),
        end(0),
        stop('tool_use'),
        METADATA,
      ),
    );
    const tool = { toolUse: { toolUseId: 't', name: 'structured_answer', input: { a: 1 } } };
    for (const emissions of [parts, whole([tool], { stopReason: 'tool_use' }, open(request))]) {
      expect(choiceOf(emissions)).toMatchObject({ message: { content: '{"a":1}' }, finish_reason: 'stop' });
      expect(choiceOf(emissions)?.message.tool_calls).toBeUndefined();
    }
  });

  it('a call of the placeholder reaches nobody', () => {
    const emissions = streamed(delta(0, { text: 'Hi' }), start(1, 'unavailable'), input(1, '{}'), stop('tool_use'));
    expect(choiceOf(emissions)).toMatchObject({ message: { content: 'Hi' }, finish_reason: 'stop' });
    expect(choiceOf(emissions)?.message.tool_calls).toBeUndefined();
  });

  it('encrypted reasoning is state, text of citations is text, the rest is skipped', () => {
    const redacted = { reasoning_blocks: [{ redactedContent: 'c2VjcmV0' }] };
    const cited = { citationsContent: { content: [{ text: 'quoted' }], citations: [{ title: 'x' }] } };
    const emissions = whole([{ reasoningContent: { redactedContent: 'c2VjcmV0' } }, cited, { video: {} }, 7 as never]);
    expect(choiceOf(emissions)?.message).toMatchObject({ content: 'quoted', extra_content: { bedrock: redacted } });
    const parts = streamed(
      delta(0, { reasoningContent: { redactedContent: 'c2VjcmV0' } }),
      delta(1, { text: 'quoted' }),
      delta(1, { citation: { title: 'x' } }),
      { somethingNew: { a: 1 } },
      input(9, '{}'),
      stop('end_turn'),
      METADATA,
    );
    expect(choiceOf(parts)?.message).toEqual(choiceOf(emissions)?.message);
  });

  it('the tier that was billed is the one that Bedrock names', () => {
    const emissions = whole([{ text: 'Hi' }], { serviceTier: { type: 'flex' } });
    expect(emissions).toContainEqual(expect.objectContaining({ kind: 'usage', billedTier: 'flex' }));
  });

  it('U11: an exception after text may have been billed, one before was not', () => {
    const slow = encodeException('throttlingException', { message: 'Too many tokens' });
    const text = encodeEvents(delta(0, { text: 'Hi' }));
    expect(failureIn(feed(open(), slow))).toMatchObject({ class: 'rate_limited', billed: 'no' });
    expect(failureIn(feed(open(), Buffer.concat([text, slow])))).toMatchObject({
      class: 'rate_limited',
      outcome: 'error_in_body',
      billed: 'maybe',
    });
  });

  it.each([
    ['a body that is no object', Buffer.from('[]'), JSON_TYPE, 'malformed'],
    ['a body without content', Buffer.from('{"message":"x"}'), JSON_TYPE, 'malformed'],
    ['a body without an end', Buffer.from('{"output":{"message":{"content":[{"text":"x"}]}}}'), JSON_TYPE, 'truncated'],
    [
      'an event that is no JSON',
      encodeFrame({ ':message-type': 'event', ':event-type': 'x' }, '{'),
      EVENTS,
      'malformed',
    ],
    ['nothing', Buffer.alloc(0), EVENTS, 'truncated'],
    ['a page', Buffer.from('<html>'), { ...EVENTS, 'content-type': 'text/html' }, 'malformed'],
  ])('%s is %s', (_name, bytes, headers, failureClass) => {
    expect(failureIn(feed(open(), bytes, headers))?.class).toBe(failureClass);
  });
});
