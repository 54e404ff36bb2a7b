import { describe, expect, it } from '@jest/globals';

import { answer, aDeploymentView, failureIn, openCall, sentBody } from '../../../../test/support/adapter-calls.js';
import { ChunkCollector } from '../../../openai/index.js';
import type { DeploymentView, Emission } from '../adapter.js';
import { toOpenAiUsage } from '../usage.js';
import { anthropicChat } from './openai-anthropic.js';

const VIEW = aDeploymentView('anthropic', { n: false, logprobs: false });
const sent = (request: object, view: DeploymentView = VIEW) => sentBody(anthropicChat, view, request);
const gaps = (request: object, view: DeploymentView = VIEW) =>
  anthropicChat.gaps({ model: 'm', messages: [], ...request }, view).map(({ member }) => member);
const reasoner = (upstreamModel: string): DeploymentView => ({
  ...aDeploymentView('anthropic', { reasoning: true }),
  upstreamModel,
});
const TOOL = { type: 'function', function: { name: 'f', description: 'does', parameters: { type: 'object' } } };

const events = (...all: readonly { readonly type: string }[]) =>
  all.map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`).join('');
const START = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    model: 'claude-x',
    usage: { input_tokens: 3, cache_read_input_tokens: 1_220, output_tokens: 1 },
  },
};
const STOP = { type: 'message_stop' };
const block = (index: number, opening: object, ...deltas: readonly object[]) => [
  { type: 'content_block_start', index, content_block: opening },
  ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  { type: 'content_block_stop', index },
];
const ending = (reason: string, usage: object = { output_tokens: 9 }) => ({
  type: 'message_delta',
  delta: { stop_reason: reason },
  usage,
});
const TEXT = block(0, { type: 'text', text: '' }, { type: 'text_delta', text: 'Hi' });
const run = (body: string, request: object = {}) => answer(openCall(anthropicChat, VIEW, request), body);

function collected(emissions: readonly Emission[]) {
  const collector = new ChunkCollector();
  for (const one of emissions) if (one.kind === 'chunk') collector.add(one.chunk);
  return collector.collect();
}

describe('requests for Anthropic Messages', () => {
  it('puts system and developer apart, in order, and always names a bound', () => {
    const messages = [
      { role: 'system', content: 'a' },
      { role: 'user', content: 'q' },
      { role: 'developer', content: 'b' },
    ];
    expect(sent({ messages, temperature: 0.3, stop: '.', user: 'alice' })).toEqual({
      model: 'upstream-model',
      max_tokens: 1_000,
      system: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'q' }] }],
      temperature: 0.3,
      stop_sequences: ['.'],
      metadata: { user_id: 'pseudonym' },
      stream: true,
    });
  });

  it('merges neighbours, results first, and reads arguments', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const messages = [
      { role: 'user', content: 'q' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [call, { ...call, id: 'c2', function: { name: 'f', arguments: 'broken' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: '1' },
      { role: 'user', content: 'and' },
      { role: 'tool', tool_call_id: 'c2', content: '' },
    ];
    expect(sent({ messages, tools: [TOOL] })['messages']).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'q' }] },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'c1', name: 'f', input: { a: 1 } },
          { type: 'tool_use', id: 'c2', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: '1' }] },
          { type: 'tool_result', tool_use_id: 'c2' },
          { type: 'text', text: 'and' },
        ],
      },
    ]);
  });

  it('passes images as base64 or URL and documents as base64', () => {
    const content = [
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      { type: 'image_url', image_url: { url: 'https://a.example/b.png' } },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,BBBB' } },
      { type: 'text', text: 'what?', cache_control: { type: 'ephemeral' } },
    ];
    expect(sent({ messages: [{ role: 'user', content }] })['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'BBBB' } },
          { type: 'text', text: 'what?', cache_control: { type: 'ephemeral' } },
        ],
      },
    ]);
  });

  it.each([
    ['auto', undefined, undefined],
    ['none', undefined, { type: 'none' }],
    ['required', undefined, { type: 'any' }],
    [
      { type: 'function', function: { name: 'f' } },
      false,
      { type: 'tool', name: 'f', disable_parallel_tool_use: true },
    ],
    [undefined, false, { type: 'auto', disable_parallel_tool_use: true }],
  ])('tool_choice %j with parallel %j is %j', (tool_choice, parallel_tool_calls, wanted) => {
    const body = sent({ tools: [TOOL], tool_choice, parallel_tool_calls });
    expect(body['tools']).toEqual([{ name: 'f', description: 'does', input_schema: { type: 'object' } }]);
    expect(body['tool_choice']).toEqual(wanted);
  });

  it('asks for a schema natively, or by one forced tool on older models', () => {
    const response_format = { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' } } };
    expect(sent({ response_format })).toMatchObject({
      output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
    });
    const old = sent({ response_format }, { ...VIEW, upstreamModel: 'claude-3-5-haiku-latest' });
    expect(old).toMatchObject({
      tools: [{ name: 'structured_answer' }],
      tool_choice: { type: 'tool', name: 'structured_answer' },
    });
  });

  it('turns effort into effort or a budget below the bound', () => {
    expect(sent({ reasoning_effort: 'high' }, reasoner('claude-opus-5'))).toMatchObject({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
    });
    const call = {
      deployment: reasoner('claude-sonnet-4-5'),
      request: { model: 'm', messages: [], reasoning_effort: 'high' },
      requestId: 'r',
      endUser: '',
    } as const;
    const thinking = (outputBound: number) =>
      (
        JSON.parse(Buffer.from(anthropicChat.open({ ...call, outputBound }).request.body ?? []).toString()) as {
          thinking?: unknown;
        }
      ).thinking;
    expect(thinking(8_000)).toEqual({ type: 'enabled', budget_tokens: 6_000 });
    expect(thinking(1_000)).toBeUndefined();
  });

  it('sends signed thinking back, and does not think on without it', () => {
    const blocks = [{ type: 'thinking', thinking: 'h', signature: 's' }];
    const tool_calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }];
    const messages = (extra: object) => [
      { role: 'user', content: 'q' },
      { role: 'assistant', tool_calls, ...extra },
      { role: 'tool', tool_call_id: 'c', content: '1' },
    ];
    const request = { reasoning_effort: 'high', tools: [TOOL] };
    const kept = sent(
      { ...request, messages: messages({ extra_content: { anthropic: { thinking_blocks: blocks } } }) },
      reasoner('claude-opus-5'),
    );
    expect((kept['messages'] as { content: unknown[] }[])[1]?.content[0]).toEqual(blocks[0]);
    expect(sent({ ...request, messages: messages({}) }, reasoner('claude-opus-5'))).not.toHaveProperty('thinking');
  });

  it.each([
    [{ n: 8 }, []],
    [{ n: 9 }, ['n']],
    [{ n: 1, presence_penalty: 0, logprobs: false }, []],
    [{ logit_bias: { 1: 1 }, frequency_penalty: 1 }, ['logit_bias', 'frequency_penalty']],
    [{ temperature: 1.5 }, ['temperature']],
    [{ response_format: { type: 'json_object' }, tools: [TOOL] }, ['response_format']],
    [{ tool_choice: { type: 'allowed_tools' }, tools: [TOOL] }, ['tool_choice']],
    [{ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, ['messages.input_audio']],
    [{ seed: 1, user: 'a' }, []],
  ])('of %j it cannot honour %j', (request, members) => {
    expect(gaps(request)).toEqual(members);
  });

  it('does not prefill, nor force tools while thinking, where the model refuses', () => {
    expect(
      gaps({ messages: [{ role: 'assistant', content: 'a' }] }, aDeploymentView('anthropic', { prefill: false })),
    ).toEqual(['messages']);
    expect(
      gaps({ reasoning_effort: 'high', tools: [TOOL], tool_choice: 'required' }, reasoner('claude-opus-5')),
    ).toEqual(['reasoning_effort']);
  });

  it('finds the path below both forms of base URL', () => {
    expect(openCall(anthropicChat, VIEW).request.path).toBe('/v1/messages');
    expect(openCall(anthropicChat, { ...VIEW, baseUrl: 'https://vendor.example/v1' }).request.path).toBe('/messages');
    expect(anthropicChat.probe(VIEW)).toMatchObject({ method: 'GET', path: '/v1/models' });
  });
});

describe('answers of Anthropic Messages', () => {
  it('U4: input beside cache reads; one-hour writes apart; the last report knows the output', () => {
    const usage = {
      output_tokens: 40,
      output_tokens_details: { thinking_tokens: 15 },
      cache_creation_input_tokens: 30,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
    };
    const emissions = run(events(START, { type: 'ping' }, ...TEXT, ending('end_turn', usage), STOP));
    const [report] = emissions.flatMap((one) => (one.kind === 'usage' ? [one.usage] : []));
    expect(report).toEqual({
      input: 3,
      cachedInput: 1_220,
      cacheWrite: 10,
      output: 25,
      reasoning: 15,
      extras: [{ meter: 'cacheWrite1h', quantity: 20 }],
    });
    expect(report && toOpenAiUsage(report)).toMatchObject({ prompt_tokens: 1_253, completion_tokens: 40 });
    expect(toOpenAiUsage({ input: 3, cachedInput: 1_220, cacheWrite: 0, output: 1, reasoning: 0 }).prompt_tokens).toBe(
      1_223,
    );
  });

  it('U10: refuses counts that cannot be', () => {
    const exchange = openCall(anthropicChat, VIEW);
    const emissions = answer(exchange, events(START, ...TEXT, ending('end_turn', { output_tokens: -2 }), STOP));
    expect(emissions.some(({ kind }) => kind === 'usage')).toBe(false);
    expect(exchange.anomalies).toEqual(['refused']);
  });

  it('translates text, thinking with its signature and parallel tools', () => {
    const thinking = block(
      0,
      { type: 'thinking', thinking: '', signature: '' },
      { type: 'thinking_delta', thinking: 'h' },
      { type: 'signature_delta', signature: 's' },
    );
    const tool = block(
      2,
      { type: 'tool_use', id: 't1', name: 'f', input: {} },
      { type: 'input_json_delta', partial_json: '{"a"' },
      { type: 'input_json_delta', partial_json: ':1}' },
    );
    const bare = block(
      3,
      { type: 'tool_use', id: 't2', name: 'g', input: {} },
      { type: 'input_json_delta', partial_json: '' },
    );
    const unknown = block(
      4,
      { type: 'server_tool_use', id: 's', name: 'web' },
      { type: 'input_json_delta', partial_json: '{}' },
    );
    const emissions = run(
      events(
        START,
        ...thinking,
        ...block(1, { type: 'text', text: '' }, { type: 'text_delta', text: 'Hi' }, { type: 'citations_delta' }),
        ...tool,
        ...bare,
        ...unknown,
        ending('tool_use'),
        STOP,
      ),
    );
    expect(collected(emissions).choices[0]).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: 'Hi',
        refusal: null,
        reasoning_content: 'h',
        tool_calls: [
          { id: 't1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
          { id: 't2', type: 'function', function: { name: 'g', arguments: '{}' } },
        ],
        extra_content: { anthropic: { thinking_blocks: [{ type: 'thinking', thinking: 'h', signature: 's' }] } },
      },
      finish_reason: 'tool_calls',
      logprobs: null,
    });
    expect(emissions.at(-1)?.kind).toBe('done');
  });

  it('unwraps the forced tool of a structured answer', () => {
    const request = { response_format: { type: 'json_object' } };
    const tool = block(
      0,
      { type: 'tool_use', id: 't', name: 'structured_answer', input: {} },
      { type: 'input_json_delta', partial_json: '{"a":1}' },
    );
    expect(collected(run(events(START, ...tool, ending('tool_use'), STOP), request)).choices[0]).toMatchObject({
      message: { content: '{"a":1}' },
      finish_reason: 'stop',
    });
    const whole = {
      type: 'message',
      id: 'm',
      model: 'c',
      content: [{ type: 'tool_use', id: 't', name: 'structured_answer', input: { a: 1 } }],
      stop_reason: 'tool_use',
      usage: { input_tokens: 1, output_tokens: 2 },
    };
    const emissions = answer(openCall(anthropicChat, VIEW, request), JSON.stringify(whole), {
      'content-type': 'application/json',
    });
    expect(collected(emissions).choices[0]).toMatchObject({ message: { content: '{"a":1}' }, finish_reason: 'stop' });
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['refusal', 'content_filter'],
    ['something new', 'stop'],
  ])('maps %s to %s', (name, reason) => {
    expect(collected(run(events(START, ...TEXT, ending(name), STOP))).choices[0]?.finish_reason).toBe(reason);
  });

  it('a torn stream never ends clean', () => {
    const all = [START, ...TEXT, ending('end_turn'), STOP];
    for (let kept = 0; kept < all.length; kept += 1)
      expect([kept, failureIn(run(events(...all.slice(0, kept))))?.class]).toEqual([kept, 'truncated']);
  });

  it('an error event is classified by its type', () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    expect(failureIn(run(events(START, error)))).toMatchObject({
      class: 'overloaded',
      outcome: 'error_in_body',
      billed: 'no',
    });
    expect(failureIn(run(events(START, ...TEXT, error)))).toMatchObject({ billed: 'maybe' });
  });

  it('broken JSON is malformed', () => {
    expect(failureIn(run('event: message_start\ndata: {"type":\n\n'))?.class).toBe('malformed');
  });

  it('takes the time of the answer from its headers', () => {
    const headers = { 'content-type': 'text/event-stream', date: 'Sun, 01 Mar 2026 00:00:00 GMT' };
    expect(
      collected(answer(openCall(anthropicChat, VIEW), events(START, ...TEXT, ending('end_turn'), STOP), headers))
        .created,
    ).toBe(1_772_323_200);
  });

  it('reads limits, masked ones as unknown', () => {
    const headers = {
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-requests-reset': '2026-03-01T00:00:00Z',
      'anthropic-ratelimit-tokens-limit': 'XXX',
    };
    expect(anthropicChat.limits(200, headers, undefined, 0)).toEqual([
      {
        scope: 'credential',
        unit: 'requests',
        limit: 50,
        remaining: 49,
        resetsAtMs: 1_772_323_200_000,
        source: 'header',
      },
    ]);
  });
});
