import { describe, expect, it } from '@jest/globals';

import { answer, aDeploymentView, failureIn, openCall, stream } from '../../../../test/support/adapter-calls.js';
import { ChunkCollector, type ChatChunk } from '../../../openai/index.js';
import type { Emission } from '../adapter.js';
import { openAiChat } from './openai-openai.js';

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_760_000_000, model: 'm-2026' };
const event = (delta: object, finish: string | null = null, more: object = {}) => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
const open = (vendor = 'openai', request: object = {}) => openCall(openAiChat, aDeploymentView(vendor), request);
const run = (body: string, vendor = 'openai') => answer(open(vendor), body);
const chunks = (emissions: readonly Emission[]): ChatChunk[] =>
  emissions.flatMap((one) => (one.kind === 'chunk' ? [one.chunk] : []));

function collected(emissions: readonly Emission[]) {
  const collector = new ChunkCollector();
  for (const chunk of chunks(emissions)) collector.add(chunk);
  return collector.collect();
}

describe('chat with vendors of the OpenAI dialect', () => {
  it('forwards valid events byte for byte and names what they bring', () => {
    const first = event({ role: 'assistant', content: '' });
    const emissions = run(stream(first, event({ content: 'Hi' }), event({}, 'stop'), '[DONE]'));
    expect(emissions.map(({ kind }) => kind)).toEqual(['answered', 'chunk', 'chunk', 'chunk', 'finish', 'done']);
    const raw = emissions.flatMap((one) => (one.kind === 'chunk' ? [Buffer.from(one.raw ?? []).toString()] : []));
    expect(raw[0]).toBe(stream(first));
    expect(emissions.flatMap((one) => (one.kind === 'chunk' ? [one.progress] : []))).toEqual([
      'none',
      'content',
      'none',
    ]);
  });

  it('cuts a null fingerprint out of the bytes, but not out of the text', () => {
    const told = { content: '"system_fingerprint":null,' };
    const [chunk] = run(
      stream({ ...HEAD, system_fingerprint: null, choices: [{ index: 0, delta: told, finish_reason: null }] }),
    ).filter(({ kind }) => kind === 'chunk');
    expect(
      chunk?.kind === 'chunk' &&
        JSON.parse(
          Buffer.from(chunk.raw ?? [])
            .toString()
            .slice(6),
        ),
    ).toEqual(event(told));
  });

  it('a torn stream never ends clean', () => {
    const whole = stream(event({ content: 'Hi' }), event({}, 'stop'), '[DONE]');
    const finished = whole.indexOf('"stop"');
    for (let at = 0; at < finished; at += 7)
      expect([at, failureIn(run(whole.slice(0, at)))?.class]).toEqual([at, 'truncated']);
    expect(failureIn(run(stream(event({ content: 'Hi' }), '[DONE]')))).toMatchObject({
      class: 'truncated',
      billed: 'maybe',
    });
  });

  it('waits for every choice that began', () => {
    const second = { ...HEAD, choices: [{ index: 1, delta: { content: 'b' }, finish_reason: null }] };
    expect(failureIn(run(stream(event({ content: 'a' }, 'stop'), second, '[DONE]')))?.class).toBe('truncated');
  });

  it('writer: ends without [DONE] once it has finished', () => {
    expect(run(stream(event({ content: 'Hi' }, 'stop')), 'writer').at(-1)?.kind).toBe('done');
  });

  it('groq: an error event inside a 200 is a failure, also after reasoning', () => {
    const body = `${stream(event({ reasoning: 'We' }))}event: error\n${stream({ error: { message: 'x', code: 'tool_use_failed', status_code: 400 } })}`;
    const emissions = run(body, 'groq');
    expect(chunks(emissions)[0]?.choices[0]?.delta).toEqual({ reasoning_content: 'We' });
    expect(failureIn(emissions)).toMatchObject({ class: 'malformed', outcome: 'error_in_body', billed: 'maybe' });
  });

  it('U5: groq reports usage only in x_groq, and its tier is kept for pricing', () => {
    const last = event({}, 'stop', {
      service_tier: 'on_demand',
      x_groq: { id: 'r', usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } },
    });
    const emissions = run(stream(event({ content: 'Hi' }), last, '[DONE]'), 'groq');
    expect(emissions.filter(({ kind }) => kind === 'usage')).toEqual([
      {
        kind: 'usage',
        usage: { input: 3, cachedInput: 0, cacheWrite: 0, output: 4, reasoning: 0 },
        billedTier: 'on_demand',
      },
    ]);
    expect(chunks(emissions).at(-1)).not.toHaveProperty('service_tier');
    expect(chunks(emissions).at(-1)).not.toHaveProperty('x_groq');
  });

  it('U8: repeated usage is never summed, the last report wins', () => {
    const usage = (completion: number) => ({ usage: { prompt_tokens: 3, completion_tokens: completion } });
    const emissions = run(
      stream(
        event({ content: 'a' }, null, usage(1)),
        event({ content: 'b' }, 'stop', usage(2)),
        { ...HEAD, choices: [], ...usage(3) },
        '[DONE]',
      ),
    );
    const reports = emissions.flatMap((one) => (one.kind === 'usage' ? [one.usage.output] : []));
    expect(reports).toEqual([1, 2, 3]);
    expect(chunks(emissions).every((chunk) => chunk.usage === undefined)).toBe(true);
  });

  it('U10: a refused report is flagged and not given on; text is counted', () => {
    const exchange = open();
    const emissions = answer(
      exchange,
      stream(event({ content: 'Grüße' }, 'stop', { usage: { prompt_tokens: -1, completion_tokens: 2 } }), '[DONE]'),
    );
    expect(emissions.some(({ kind }) => kind === 'usage')).toBe(false);
    expect(exchange.anomalies).toEqual(['refused']);
    expect(exchange.received).toEqual({ textBytes: 7, reasoningBytes: 0 });
  });

  it('U10: a reported 0 beside delivered text is flagged', () => {
    const exchange = open();
    answer(
      exchange,
      stream(event({ content: 'Hi' }, 'stop', { usage: { prompt_tokens: 1, completion_tokens: 0 } }), '[DONE]'),
    );
    expect(exchange.anomalies).toEqual(['zero_output']);
  });

  it('U11: an error event with usage gives the usage first', () => {
    const emissions = run(
      stream(event({ content: 'Hi' }), {
        error: { message: 'x', code: 'server_error' },
        usage: { prompt_tokens: 1, completion_tokens: 1 },
      }),
    );
    expect(emissions.map(({ kind }) => kind).slice(-2)).toEqual(['usage', 'failure']);
    expect(failureIn(emissions)?.billed).toBe('yes');
  });

  it('U12: openrouter names a cost, which is kept and not charged; its comments and its finish error are understood', () => {
    const exchange = open('openrouter');
    const usage = { usage: { prompt_tokens: 1, completion_tokens: 1, cost: 0.00085 } };
    answer(exchange, `: OPENROUTER PROCESSING\n\n${stream(event({ content: 'Hi' }, 'stop', usage), '[DONE]')}`);
    expect(exchange.reportedCost).toBe('0.00085');
    expect(failureIn(run(stream(event({ content: 'Hi' }, 'error')), 'openrouter'))).toMatchObject({
      class: 'server',
      vendorCode: 'error',
    });
    expect(failureIn(run(stream({ error: { code: 429, message: 'slow' } }), 'openrouter'))?.class).toBe('rate_limited');
  });

  it.each([
    ['eos', 'stop'],
    ['model_length', 'length'],
    ['sensitive', 'content_filter'],
    ['never heard of', 'stop'],
  ])('maps the finish %s to %s', (name, reason) => {
    expect(collected(run(stream(event({ content: 'Hi' }, name), '[DONE]'))).choices[0]?.finish_reason).toBe(reason);
  });

  it('deepseek: insufficient_system_resource is overload', () => {
    expect(failureIn(run(stream(event({}, 'insufficient_system_resource')), 'deepseek'))?.class).toBe('overloaded');
  });

  it('azure: the first chunk with filter results says nothing, the id comes later', () => {
    const first = { choices: [], created: 0, id: '', model: '', object: '', prompt_filter_results: [] };
    const emissions = run(stream(first, event({ content: 'Hi' }, 'stop'), '[DONE]'), 'azure');
    expect(chunks(emissions).map(({ id }) => id)).toEqual(['chatcmpl-1']);
  });

  it('mistral: parts become text and reasoning', () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'Hi' },
    ];
    expect(collected(run(stream(event({ content }, 'stop')), 'mistral')).choices[0]?.message).toMatchObject({
      content: 'Hi',
      reasoning_content: 'hm',
    });
  });

  it('ollama: calls that come whole, without index, id or with arguments as object', () => {
    const call = (name: string, input: unknown) => ({ function: { name, arguments: input } });
    const emissions = run(
      stream(event({ tool_calls: [call('f', { a: 1 }), call('g', null)] }), event({}, 'tool_calls'), '[DONE]'),
      'ollama',
    );
    const calls = collected(emissions).choices[0]?.message.tool_calls ?? [];
    expect(calls.map(({ function: called }) => called)).toEqual([
      { name: 'f', arguments: '{"a":1}' },
      { name: 'g', arguments: '{}' },
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(calls[0]?.id).toMatch(/^call_[0-9A-Za-z]{24}$/);
    expect(chunks(emissions).at(-1)?.choices[0]?.delta.tool_calls).toEqual([
      { index: 1, function: { arguments: '{}' } },
    ]);
  });

  it('gives calls that share an index one of their own', () => {
    const call = (id: string) => ({ index: 0, id, type: 'function', function: { name: id, arguments: '{}' } });
    const { choices } = collected(
      run(stream(event({ tool_calls: [call('a')] }), event({ tool_calls: [call('b')] }, 'tool_calls'))),
    );
    expect(choices[0]?.message.tool_calls?.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('accepts a whole body where a stream was asked for', () => {
    const body = JSON.stringify({
      id: 'x',
      object: 'chat.completion',
      created: '1715361795',
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi', tool_calls: [] }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    });
    const emissions = answer(open('writer'), `\n\n${body}`, { 'content-type': 'application/json' });
    expect(emissions.map(({ kind }) => kind)).toEqual(['answered', 'chunk', 'finish', 'usage', 'done']);
    expect(collected(emissions)).toMatchObject({
      created: 1_715_361_795,
      choices: [{ message: { content: 'Hi', refusal: null } }],
    });
    expect(answer(open('writer'), body, {}).at(-1)?.kind).toBe('done');
  });

  it.each([
    ['no JSON', stream('{"id":'), 'text/event-stream'],
    ['an HTML page', '<html>', 'text/html'],
    ['no choices', '{"id":"x"}', 'application/json'],
    ['half a body', '{"id":"x"', 'application/json'],
    ['an event beyond 1 MiB', stream({ pad: 'x'.repeat(1024 * 1024) }), 'text/event-stream'],
  ])('%s is malformed', (_name, body, type) => {
    expect(failureIn(answer(open(), body, { 'content-type': type }))?.class).toBe('malformed');
  });

  it('a redirect is malformed and nothing follows a failure', () => {
    const exchange = open();
    expect(failureIn(exchange.accept(302, {}))).toMatchObject({ class: 'malformed' });
    expect(exchange.push(Buffer.from(stream(event({ content: 'Hi' }))))).toEqual([]);
    expect(exchange.end()).toEqual([]);
  });
});
