import { describe, expect, it } from '@jest/globals';

import {
  answer,
  aDeploymentView,
  failureIn,
  openCall,
  sentBody,
  stream,
} from '../../../../test/support/adapter-calls.js';
import { ChunkCollector } from '../../../openai/index.js';
import type { DeploymentView, Emission } from '../adapter.js';
import { toOpenAiUsage } from '../usage.js';
import { cohereChat } from './openai-cohere.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const deployment = (more: Partial<DeploymentView['capabilities']> = {}): DeploymentView => ({
  ...aDeploymentView('cohere', more),
  dialect: 'cohere',
});
const sent = (request: object, more = {}) => sentBody(cohereChat, deployment(more), request);
const gaps = (request: object, more = {}) =>
  cohereChat.gaps({ model: 'm', messages: [], ...request }, deployment(more)).map(({ member }) => member);
const TOOL = { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' } } };
const OTHER = { type: 'function', function: { name: 'g' } };
const CALL = { id: 'f_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
const say = (type: string, message: object, index?: number) => ({ type, index, delta: { message } });
const START = { id: 'c-1', ...say('message-start', { role: 'assistant', content: [], tool_plan: '' }) };
const billed = (input: number, output: number) => ({
  billed_units: { input_tokens: input, output_tokens: output },
  tokens: { input_tokens: 1_094, output_tokens: 102 },
  cached_tokens: 1_000,
});
const end = (name: string, usage: unknown = billed(94, 27)) => ({
  type: 'message-end',
  delta: { finish_reason: name, usage },
});
const text = (part: string) => say('content-delta', { content: { text: part } }, 0);

function collect(emissions: readonly Emission[]) {
  const collector = new ChunkCollector();
  for (const one of emissions) if (one.kind === 'chunk') collector.add(one.chunk);
  const usage = emissions.flatMap((one) => (one.kind === 'usage' ? [toOpenAiUsage(one.usage)] : [])).at(-1);
  return { choice: collector.collect(null).choices[0], usage };
}
const streamed = (...events: unknown[]) => answer(openCall(cohereChat, deployment()), stream(...events));
const whole = (body: object) => answer(openCall(cohereChat, deployment()), JSON.stringify(body), JSON_TYPE);

describe('requests to Cohere', () => {
  it('name members as version 2 does', () => {
    expect(
      sent({
        temperature: 0.4,
        top_p: 0.9,
        stop: '.',
        seed: 7,
        presence_penalty: 0.5,
        messages: [
          { role: 'developer', content: 'Be brief' },
          { role: 'user', content: [{ type: 'text', text: 'Hi' }], name: 'alice' },
        ],
      }),
    ).toEqual({
      model: 'upstream-model',
      messages: [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'Hi' },
      ],
      max_tokens: 1_000,
      temperature: 0.4,
      p: 0.9,
      seed: 7,
      presence_penalty: 0.5,
      stop_sequences: ['.'],
      stream: true,
    });
  });

  it('go to version 2, whether or not the base URL names it, and the unbilled probe to the list of models', () => {
    const at = (baseUrl: string) => ({ ...deployment(), baseUrl });
    expect(openCall(cohereChat, at('https://api.cohere.example')).request.path).toBe('/v2/chat');
    expect(openCall(cohereChat, at('https://api.cohere.example/v2')).request.path).toBe('/chat');
    expect(cohereChat.probe(at('https://api.cohere.example'))).toMatchObject({
      method: 'GET',
      path: '/v1/models?page_size=1',
    });
  });

  it('give an earlier plan back as the plan, and tool results by id', () => {
    const messages = [
      { role: 'assistant', content: null, reasoning_content: 'I will look', tool_calls: [CALL] },
      { role: 'tool', tool_call_id: 'f_1', content: [{ type: 'text', text: '20' }] },
      { role: 'assistant', content: 'It is 20', reasoning_content: 'thought' },
    ];
    expect(sent({ messages })['messages']).toEqual([
      { role: 'assistant', tool_plan: 'I will look', tool_calls: [CALL] },
      { role: 'tool', tool_call_id: 'f_1', content: '20' },
      { role: 'assistant', content: 'It is 20' },
    ]);
  });

  it.each([
    ['required', 'REQUIRED', ['f', 'g']],
    ['none', 'NONE', ['f', 'g']],
    ['auto', undefined, ['f', 'g']],
    [{ type: 'function', function: { name: 'g' } }, 'REQUIRED', ['g']],
  ])('the tool choice %j becomes %s', (choice, wanted, names) => {
    const body = sent({ tools: [TOOL, OTHER], tool_choice: choice });
    expect(body['tool_choice']).toBe(wanted);
    expect((body['tools'] as { function: { name: string } }[]).map((tool) => tool.function.name)).toEqual(names);
  });

  it('strict functions make tools strict; a schema becomes the format; effort becomes a budget', () => {
    expect(sent({ tools: [{ ...TOOL, function: { ...TOOL.function, strict: true } }] })['strict_tools']).toBe(true);
    expect(sent({ response_format: { type: 'json_schema', json_schema: { schema: { a: 1 } } } })).toMatchObject({
      response_format: { type: 'json_object', json_schema: { a: 1 } },
    });
    expect(sent({ reasoning_effort: 'low' }, { reasoning: true })['thinking']).toEqual({
      type: 'enabled',
      token_budget: 2_048,
    });
    expect(sent({ reasoning_effort: 'none' }, { reasoning: true })['thinking']).toEqual({ type: 'disabled' });
  });

  it.each([
    [{ logit_bias: { 1: 2 }, logprobs: true }, ['logit_bias', 'logprobs']],
    [{ temperature: 1.5 }, ['temperature']],
    [{ top_p: 1, temperature: 1, presence_penalty: 0, n: 3, parallel_tool_calls: true }, []],
    [{ frequency_penalty: -1 }, ['frequency_penalty']],
    [{ n: 9 }, []],
    [{ tools: [TOOL], response_format: { type: 'json_object' } }, ['response_format']],
    [{ tools: [{ type: 'custom' }] }, ['tools']],
    [{ parallel_tool_calls: false, tools: [TOOL] }, ['parallel_tool_calls']],
    [{ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, ['messages.input_audio']],
    [{ messages: [{ role: 'function', content: 'x' }] }, ['messages.role']],
  ])('of %j it cannot honour %j', (request, members) => {
    expect(gaps(request)).toEqual(members);
  });

  it('several choices are as many requests', () => {
    expect(cohereChat.cost({ model: 'm', messages: [], n: 3 }, deployment()).inputTimes).toBe(3);
    expect(gaps({ n: 9 }, { n: false })).toEqual(['n']);
  });
});

describe('answers of Cohere', () => {
  it('streamed and whole give the same text, finish and usage', () => {
    const parts = streamed(
      START,
      say('content-start', { content: { type: 'text', text: '' } }, 0),
      text('A'),
      text('b'),
      end('COMPLETE'),
    );
    const one = whole({
      id: 'c-1',
      message: { role: 'assistant', content: [{ type: 'text', text: 'Ab' }], citations: [] },
      finish_reason: 'COMPLETE',
      usage: billed(94, 27),
    });
    expect(collect(one)).toEqual(collect(parts));
    expect(collect(parts).choice).toMatchObject({ message: { content: 'Ab' }, finish_reason: 'stop' });
    expect(parts.at(-1)).toEqual({ kind: 'done' });
  });

  it('U6 what is billed is charged, not the tokens beside it', () => {
    expect(collect(streamed(START, text('A'), end('COMPLETE'))).usage).toMatchObject({
      prompt_tokens: 94,
      completion_tokens: 27,
      total_tokens: 121,
    });
    const unbilled = { tokens: { input_tokens: 10, output_tokens: 2 }, cached_tokens: 4 };
    expect(collect(streamed(START, text('A'), end('COMPLETE', unbilled))).usage).toMatchObject({
      prompt_tokens: 10,
      prompt_tokens_details: { cached_tokens: 4 },
    });
  });

  it('tool calls come with their plan as reasoning', () => {
    const call = (type: string, part: object, index: number) => say(type, { tool_calls: part }, index);
    const parts = streamed(
      START,
      say('tool-plan-delta', { tool_plan: 'I will look' }),
      call('tool-call-start', { id: 'f_1', type: 'function', function: { name: 'f', arguments: '' } }, 0),
      call('tool-call-delta', { function: { arguments: '{"a"' } }, 0),
      call('tool-call-delta', { function: { arguments: ':1}' } }, 0),
      { type: 'tool-call-end', index: 0 },
      call('tool-call-start', { id: 'g_1', type: 'function', function: { name: 'g', arguments: '' } }, 1),
      end('TOOL_CALL'),
    );
    const message = {
      role: 'assistant',
      tool_plan: 'I will look',
      tool_calls: [CALL, { id: 'g_1', type: 'function', function: { name: 'g' } }],
    };
    const one = whole({ id: 'c-1', message, finish_reason: 'TOOL_CALL', usage: billed(94, 27) });
    for (const emissions of [parts, one]) {
      expect(collect(emissions).choice).toMatchObject({
        finish_reason: 'tool_calls',
        message: {
          reasoning_content: 'I will look',
          tool_calls: [CALL, { id: 'g_1', function: { name: 'g', arguments: '{}' } }],
        },
      });
    }
  });

  it('thinking is reasoning', () => {
    const emissions = streamed(
      START,
      say('content-delta', { content: { thinking: 'Hm' } }, 0),
      text('4'),
      end('COMPLETE'),
    );
    expect(collect(emissions).choice?.message).toMatchObject({ reasoning_content: 'Hm', content: '4' });
  });

  it.each([
    ['STOP_SEQUENCE', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['ERROR_TOXIC', 'content_filter'],
    ['NEW_NAME', 'stop'],
  ])('finish %s is %s', (name, reason) => {
    expect(collect(streamed(START, text('A'), end(name))).choice?.finish_reason).toBe(reason);
  });

  it('a torn stream never ends clean, and a fault is none that could be used', () => {
    expect(failureIn(streamed(START, text('A')))?.class).toBe('truncated');
    expect(failureIn(streamed(START, text('A'), '[DONE]'))?.class).toBe('truncated');
    expect(failureIn(streamed(START, end('ERROR')))).toMatchObject({ class: 'malformed', billed: 'yes' });
    expect(failureIn(streamed(START, 'no json'))?.class).toBe('malformed');
    expect(failureIn(whole({ text: 'of version 1' }))?.class).toBe('malformed');
    expect(failureIn(streamed({ message: 'internal error' }))).toMatchObject({ outcome: 'error_in_body' });
  });

  it.each([
    [400, 'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292', 'context'],
    [400, 'invalid request: message must be at least 1 token long', 'caller'],
    [401, 'invalid api token', 'credential'],
    [402, 'Please add or update your payment method', 'quota_exhausted'],
    [404, "model 'command-r-plus' was removed on September 15, 2025", 'not_found'],
    [422, 'message must be at least 1 token long', 'caller'],
    [429, 'You are past the per minute request limit', 'rate_limited'],
    [429, 'You are using a Trial key, which is limited to 1000 API calls / month', 'quota_exhausted'],
    [498, 'invalid token', 'credential'],
    [499, 'request cancelled', 'server'],
    [500, 'internal server error', 'server'],
    [503, 'service unavailable', 'overloaded'],
  ])('%i %j is %s', (status, message, failureClass) => {
    const body = Buffer.from(JSON.stringify({ id: 'x', message }));
    expect(openCall(cohereChat, deployment()).classify(status, {}, body)).toMatchObject({
      class: failureClass,
      status,
      billed: 'no',
    });
  });
});
