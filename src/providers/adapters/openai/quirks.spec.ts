import { describe, expect, it } from '@jest/globals';

import { aDeploymentView, openCall, sentBody } from '../../../../test/support/adapter-calls.js';
import type { ChatRequest } from '../../../openai/index.js';
import { openAiChat } from './openai-openai.js';
import { quirksOf } from './quirks.js';

const sent = (vendor: string, request: object = {}, more = {}) =>
  sentBody(openAiChat, aDeploymentView(vendor, more), request);
const gaps = (vendor: string, request: object, more = {}) =>
  openAiChat.gaps({ model: 'm', messages: [], ...request }, aDeploymentView(vendor, more)).map(({ member }) => member);
const TOOL = { type: 'function', function: { name: 'f', parameters: {} } };

describe('requests in the dialect of OpenAI', () => {
  it('keep members and order; model, bound, streaming, store and user are ours', () => {
    const body = sent('openai', {
      temperature: 0.5,
      max_tokens: 7,
      user: 'alice',
      store: true,
      metadata: { a: 'b' },
      models: ['x'],
      stop: ['.'],
    });
    expect(body).toEqual({
      model: 'upstream-model',
      messages: [{ role: 'user', content: 'Hello' }],
      temperature: 0.5,
      stop: ['.'],
      max_completion_tokens: 1_000,
      stream: true,
      stream_options: { include_usage: true },
      store: false,
      safety_identifier: 'pseudonym',
    });
  });

  it('give equal bytes for equal input and carry no credential', () => {
    const [one, other] = [openCall(openAiChat, aDeploymentView('groq')), openCall(openAiChat, aDeploymentView('groq'))];
    expect(one.request).toEqual(other.request);
    expect(Object.keys(one.request.headers)).not.toContain('authorization');
  });

  it('keep the bound within what the model can', () => {
    expect(sent('together', {}, { maxOutput: 64 })['max_tokens']).toBe(64);
  });

  it('do not ask to stream where a deployment cannot', () => {
    expect(sent('vllm', {}, { stream: false })).not.toHaveProperty('stream');
  });

  it.each(['xai', 'groq', 'cerebras', 'azure'])('%s takes max_completion_tokens', (vendor) => {
    expect(sent(vendor)).toMatchObject({ max_completion_tokens: 1_000 });
  });

  it('mistral: random_seed, tool_choice any, no stream_options, nine-letter tool ids that still belong together', () => {
    const calls = [{ id: 'call_abc', type: 'function', function: { name: 'f', arguments: '{}' } }];
    const messages = [
      { role: 'assistant', tool_calls: calls },
      { role: 'tool', tool_call_id: 'call_abc', content: '1' },
    ];
    const body = sent('mistral', { seed: 4, tools: [TOOL], tool_choice: 'required', messages });
    expect(body).toMatchObject({ random_seed: 4, tool_choice: 'any', max_tokens: 1_000 });
    expect(body).not.toHaveProperty('stream_options');
    const [first, second] = body['messages'] as [{ tool_calls: { id: string }[] }, { tool_call_id: string }];
    expect(first.tool_calls[0]?.id).toMatch(/^[A-Za-z0-9]{9}$/);
    expect(second.tool_call_id).toBe(first.tool_calls[0]?.id);
  });

  it('deepseek: the history does not carry reasoning; openrouter: it does', () => {
    const messages = [{ role: 'assistant', content: 'a', reasoning_content: 'h', extra_content: { anthropic: {} } }];
    expect(sent('deepseek', { messages })['messages']).toEqual([{ role: 'assistant', content: 'a' }]);
    expect(sent('openrouter', { messages })['messages']).toEqual([
      { role: 'assistant', content: 'a', reasoning_content: 'h' },
    ]);
  });

  it('developer messages become system messages except at OpenAI, Azure and vLLM', () => {
    const messages = [{ role: 'developer', content: 'a' }];
    expect(sent('zai', { messages })['messages']).toEqual([{ role: 'system', content: 'a' }]);
    expect(sent('openai', { messages })['messages']).toEqual(messages);
  });

  it('writer has a path of its own', () => {
    expect(openCall(openAiChat, aDeploymentView('writer')).request.path).toBe('/chat');
    expect(openCall(openAiChat, aDeploymentView('openai')).request.path).toBe('/chat/completions');
  });

  it('leave out a choice of tools without tools', () => {
    expect(sent('openai', { tools: [], tool_choice: 'auto', parallel_tool_calls: true })).not.toHaveProperty(
      'tool_choice',
    );
  });

  it.each([
    ['groq', { logprobs: true, logit_bias: { 1: 2 }, n: 2 }, {}, ['logprobs', 'logit_bias', 'n']],
    ['groq', { logprobs: false, n: 1 }, {}, []],
    ['openai', { temperature: 0.2, top_p: 1 }, { reasoning: true }, ['temperature']],
    ['xai', { stop: '.' }, { reasoning: true }, ['stop']],
    ['openai', { reasoning_effort: 'high' }, {}, ['reasoning_effort']],
    ['together', { prediction: { type: 'content' }, service_tier: 'auto' }, {}, ['prediction']],
    ['openai', { tools: [TOOL] }, { tools: false }, ['tools']],
    ['openai', { response_format: { type: 'json_schema' } }, { jsonSchema: false }, ['response_format']],
    [
      'openai',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.example/b' } }] }] },
      { images: 'inline' },
      ['messages.image_url'],
    ],
    ['openai', { temperature: 0.1 }, { unsupported: ['temperature'] }, ['temperature']],
  ])('%s cannot honour of %j with %j: %j', (vendor, request, more, members) => {
    expect(gaps(vendor, request, more)).toEqual(members);
  });

  it('advisory members are dropped and named', () => {
    const request = {
      model: 'm',
      messages: [],
      seed: 1,
      user: 'a',
      verbosity: 'low',
      metadata: { a: 'b' },
    } as unknown as ChatRequest;
    expect(openAiChat.ignored(request, aDeploymentView('openai'))).toEqual(['metadata', 'user']);
    expect(openAiChat.ignored(request, aDeploymentView('groq', { seed: false }))).toEqual([
      'seed',
      'verbosity',
      'metadata',
      'user',
    ]);
    expect(gaps('groq', { verbosity: 'low', seed: 1 })).toEqual([]);
  });

  it('quirks may be overridden per provider, by the right names and types only', () => {
    const quirks = quirksOf({
      vendor: 'vllm',
      quirks: { streamOptions: false, boundMember: 7, unknown: 1, refuses: ['n'] },
    });
    expect(quirks).toMatchObject({ streamOptions: false, boundMember: 'max_tokens', refuses: ['n'] });
    expect(quirks).not.toHaveProperty('unknown');
  });

  it('probes without being billed', () => {
    expect(openAiChat.probe(aDeploymentView('openai'))).toMatchObject({ method: 'GET', path: '/models', body: null });
    expect(openAiChat.probe(aDeploymentView('openrouter'))?.path).toBe('/key');
  });
});
