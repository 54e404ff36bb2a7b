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
import { openAiEmbeddings } from './openai-embeddings.js';
import { openAiChat } from './openai-openai.js';
import { QUIRK_VENDORS } from './quirks.js';

/** Every vendor of OpenAI's dialect that the providers page names. */
const NAMED = [
  'azure',
  'cerebras',
  'deepseek',
  'fireworks',
  'gemini',
  'groq',
  'huggingface',
  'llamacpp',
  'lmstudio',
  'mistral',
  'ollama',
  'openai',
  'openrouter',
  'together',
  'vllm',
  'writer',
  'xai',
  'zai',
];
const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_760_000_000, model: 'm-2026' };
const event = (delta: object, finish: string | null = null, more: object = {}) => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
const usage = (prompt: number, completion: number, more: object = {}) => ({
  usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion, ...more },
});

const run = (vendor: string, ...events: readonly unknown[]): readonly Emission[] =>
  answer(openCall(openAiChat, aDeploymentView(vendor)), stream(...events));
const runText = (vendor: string, text: string, headers?: Record<string, string>): readonly Emission[] =>
  answer(openCall(openAiChat, aDeploymentView(vendor)), text, headers);

/** What a caller gets of it. */
function collected(emissions: readonly Emission[]) {
  const collector = new ChunkCollector();
  for (const one of emissions) if (one.kind === 'chunk') collector.add(one.chunk);
  const told = emissions.flatMap((one) => (one.kind === 'usage' ? [toOpenAiUsage(one.usage)] : [])).at(-1);
  const { choices, ...answered } = collector.collect(null);
  return { ...answered, choices, message: choices[0]?.message, finish: choices[0]?.finish_reason, told };
}

const view = (vendor: string, more: Partial<DeploymentView>): DeploymentView => ({
  ...aDeploymentView(vendor),
  ...more,
});

describe('vendors of the dialect of OpenAI', () => {
  it('have a row each', () => {
    expect([...QUIRK_VENDORS].sort()).toEqual(NAMED);
  });

  it('openai: reasoning models take max_completion_tokens and no sampling; obfuscation passes', () => {
    const body = sentBody(openAiChat, aDeploymentView('openai', { reasoning: true }), {
      temperature: 1,
      max_tokens: 9,
    });
    expect(body).toMatchObject({ max_completion_tokens: 1_000 });
    expect(body).not.toHaveProperty('max_tokens');
    expect(body).not.toHaveProperty('temperature');
    const [first] = run('openai', event({ content: 'A' }, null, { obfuscation: 'x9' })).filter(
      ({ kind }) => kind === 'chunk',
    );
    expect(first?.kind === 'chunk' && Buffer.from(first.raw ?? []).toString()).toContain('"obfuscation":"x9"');
  });

  it('openai: a provider may say that its models know no instructions', () => {
    const messages = [
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'Hi' },
    ];
    const sent = sentBody(openAiChat, view('openai', { quirks: { instructionsAsUser: true } }), { messages });
    expect(sent['messages']).toEqual([
      { role: 'user', content: 'Be brief' },
      { role: 'user', content: 'Hi' },
    ]);
  });

  it('azure: the address of today names the deployment as model; the older one in its path, with a version', () => {
    const today = openCall(openAiChat, view('azure', { upstreamModel: 'my gpt' }));
    expect(today.request.path).toBe('/chat/completions');
    expect(sentBody(openAiChat, view('azure', { upstreamModel: 'my gpt' }))['model']).toBe('my gpt');
    const older = view('azure', { upstreamModel: 'my gpt', quirks: { apiVersion: '2024-10-21' } });
    expect(openCall(openAiChat, older).request.path).toBe(
      '/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21',
    );
    expect(openCall(openAiEmbeddings, older, { input: 'a' }).request.path).toBe(
      '/openai/deployments/my%20gpt/embeddings?api-version=2024-10-21',
    );
    expect(openAiChat.probe(older)?.path).toBe('/openai/models?api-version=2024-10-21');
  });

  it('azure: a first chunk of filter results has no id and no choices and is swallowed', () => {
    const filters = { id: '', object: '', created: 0, model: '', choices: [], prompt_filter_results: [{}] };
    const emissions = run('azure', filters, event({ content: 'A' }), event({}, 'stop'), '[DONE]');
    expect(collected(emissions)).toMatchObject({ id: 'chatcmpl-1', message: { content: 'A' } });
    expect(emissions.at(-1)?.kind).toBe('done');
  });

  it('azure: a refusal by its filter is a 400 that is told as such', () => {
    const body = {
      error: { code: 'content_filter', status: 400, innererror: { code: 'ResponsibleAIPolicyViolation' } },
    };
    const failure = openCall(openAiChat, aDeploymentView('azure')).classify(400, {}, Buffer.from(JSON.stringify(body)));
    expect(failure).toMatchObject({ class: 'content_refused', outcome: 'content_refused', billed: 'no' });
  });

  it('xai: reasoning stands beside the completion tokens', () => {
    const details = { total_tokens: 506, completion_tokens_details: { reasoning_tokens: 189 } };
    const emissions = run('xai', event({ content: 'A' }, 'stop', usage(291, 26, details)), '[DONE]');
    expect(collected(emissions).told).toMatchObject({ completion_tokens: 215, total_tokens: 506 });
  });

  it('groq: its own tier is kept for pricing and not shown; reasoning has another name', () => {
    const emissions = run(
      'groq',
      event({ role: 'assistant', reasoning: 'Hm' }, null, { service_tier: 'on_demand' }),
      event({ content: 'A' }),
      event({}, 'stop', { x_groq: usage(3, 2) }),
      '[DONE]',
    );
    expect(collected(emissions)).toMatchObject({ message: { content: 'A', reasoning_content: 'Hm' } });
    expect(collected(emissions)).not.toHaveProperty('service_tier', 'on_demand');
    expect(emissions.find(({ kind }) => kind === 'usage')).toMatchObject({ billedTier: 'on_demand' });
  });

  it('mistral: content in parts, cached tokens under a name of its own, model_length', () => {
    const parts = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] },
      { type: 'text', text: 'A' },
    ];
    const emissions = run(
      'mistral',
      event({ content: parts }),
      event({}, 'model_length', usage(9, 2, { num_cached_tokens: 4 })),
      '[DONE]',
    );
    expect(collected(emissions)).toMatchObject({
      message: { content: 'A', reasoning_content: 'Hm' },
      finish: 'length',
      told: { prompt_tokens: 9, prompt_tokens_details: { cached_tokens: 4 } },
    });
    expect(failureIn(run('mistral', event({ content: 'A' }, 'error')))?.class).toBe('server');
  });

  it('deepseek: comments in a stream and blank lines before a body say nothing; hits of its cache count', () => {
    const events = stream(event({ content: 'A' }), event({}, 'stop', usage(9, 2, { prompt_cache_hit_tokens: 4 })));
    const kept = runText('deepseek', `: keep-alive\n\n: keep-alive\n\n${events}data: [DONE]\n\n`);
    expect(collected(kept)).toMatchObject({
      message: { content: 'A' },
      told: { prompt_tokens_details: { cached_tokens: 4 } },
    });
    const whole = { ...HEAD, choices: [{ index: 0, message: { content: 'A' }, finish_reason: 'stop' }] };
    const blank = runText('deepseek', `\n\n\n${JSON.stringify(whole)}`, { 'content-type': 'application/json' });
    expect(collected(blank)).toMatchObject({ message: { content: 'A' }, finish: 'stop' });
  });

  it('openrouter: comments say nothing, choices of a provider come from the policy only', () => {
    const text = `: OPENROUTER PROCESSING\n\n${stream(event({ content: 'A' }), event({}, 'stop'), '[DONE]')}`;
    expect(collected(runText('openrouter', text)).message).toMatchObject({ content: 'A' });
    expect(sentBody(openAiChat, aDeploymentView('openrouter'), { provider: { order: ['x'] } })).not.toHaveProperty(
      'provider',
    );
  });

  it('openrouter: an error event that also finishes with error is one failure, by its numeric code', () => {
    const failed = event({ content: '' }, 'error', { error: { code: 429, message: 'Rate limited upstream' } });
    expect(failureIn(run('openrouter', event({ content: 'A' }), failed))).toMatchObject({
      class: 'rate_limited',
      outcome: 'error_in_body',
    });
  });

  it('together: finishes with eos', () => {
    expect(collected(run('together', event({ content: 'A' }, 'eos'), '[DONE]')).finish).toBe('stop');
  });

  it('huggingface: usage members that are null count as absent, not as 0', () => {
    const emissions = run(
      'huggingface',
      event({ content: 'A' }, 'stop', usage(3, 2, { prompt_tokens_details: null, completion_tokens_details: null })),
      '[DONE]',
    );
    expect(collected(emissions).told).toMatchObject({ prompt_tokens: 3, completion_tokens: 2 });
    expect(
      run('huggingface', event({ content: 'A' }, 'stop', { usage: { prompt_tokens: null } }), '[DONE]').some(
        ({ kind }) => kind === 'usage',
      ),
    ).toBe(false);
  });

  it('cerebras: times beside the usage are no usage', () => {
    const emissions = run(
      'cerebras',
      event({ content: 'A' }, 'stop', { ...usage(3, 2), time_info: { total_time: 0.1 } }),
      '[DONE]',
    );
    expect(collected(emissions).told).toMatchObject({ total_tokens: 5 });
  });

  it('z.ai: reasoning is already called as we call it', () => {
    const emissions = run('zai', event({ reasoning_content: 'Hm' }), event({ content: 'A' }, 'stop'), '[DONE]');
    expect(collected(emissions).message).toMatchObject({ content: 'A', reasoning_content: 'Hm' });
    expect(failureIn(run('zai', event({}, 'network_error')))?.class).toBe('server');
  });

  it('writer: several choices interleave and end one by one; details of the prompt are called differently', () => {
    const of = (index: number, delta: object, finish: string | null = null, more: object = {}) => ({
      ...HEAD,
      choices: [{ index, delta, finish_reason: finish }],
      ...more,
    });
    const emissions = run(
      'writer',
      of(0, { content: 'A' }),
      of(1, { content: 'x' }),
      of(0, { content: 'b' }, 'stop'),
      of(1, { content: 'y' }, 'length', usage(3, 4, { prompt_token_details: { cached_tokens: 1 } })),
    );
    expect(collected(emissions).choices.map(({ message, finish_reason: finish }) => [message.content, finish])).toEqual(
      [
        ['Ab', 'stop'],
        ['xy', 'length'],
      ],
    );
    expect(collected(emissions).told?.prompt_tokens_details).toMatchObject({ cached_tokens: 1 });
    expect(emissions.at(-1)?.kind).toBe('done');
  });

  it('fireworks: takes the common bound', () => {
    expect(sentBody(openAiChat, aDeploymentView('fireworks'))).toMatchObject({ max_tokens: 1_000, stream: true });
  });

  it('gemini: what its compatible address hides is charged as reasoning', () => {
    const emissions = run('gemini', event({ content: 'A' }, 'stop', usage(10, 5, { total_tokens: 45 })), '[DONE]');
    expect(collected(emissions).told).toMatchObject({
      completion_tokens: 35,
      completion_tokens_details: { reasoning_tokens: 30 },
    });
  });

  it.each(['vllm', 'llamacpp', 'lmstudio'])('%s: a 400 is a bare message, streams may refuse options', (vendor) => {
    const body = { object: 'error', message: 'This model supports at most 8 images', code: 400 };
    const failure = openCall(openAiChat, aDeploymentView(vendor)).classify(400, {}, Buffer.from(JSON.stringify(body)));
    expect(failure).toMatchObject({ class: 'caller', publicMessage: 'This model supports at most 8 images' });
    const older = view(vendor, { quirks: { streamOptions: false } });
    expect(sentBody(openAiChat, older)).not.toHaveProperty('stream_options');
  });

  it('vllm: stop_reason passes; arguments that are an object become text', () => {
    const call = { index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: { a: 1 } } };
    const last = {
      ...HEAD,
      choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: 'tool_calls', stop_reason: 7 }],
    };
    expect(collected(run('vllm', last, '[DONE]')).message?.tool_calls?.[0]?.function.arguments).toBe('{"a":1}');
  });

  it('vllm: a schema for the answer goes out as it came', () => {
    const format = { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } };
    expect(sentBody(openAiChat, aDeploymentView('vllm'), { response_format: format })['response_format']).toEqual(
      format,
    );
  });

  it('ollama: calls come whole, and no header tells a limit', () => {
    const call = { id: 'c1', index: 0, type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    expect(
      collected(run('ollama', event({ tool_calls: [call] }), event({}, 'tool_calls'), '[DONE]')).message,
    ).toMatchObject({
      tool_calls: [{ id: 'c1', function: { name: 'f', arguments: '{"a":1}' } }],
    });
    expect(openAiChat.limits(200, { 'content-type': 'application/json' }, undefined, 0)).toEqual([]);
  });
});
