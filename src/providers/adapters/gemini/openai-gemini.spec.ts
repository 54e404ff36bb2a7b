import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { answer, aDeploymentView, failureIn, openCall, stream } from '../../../../test/support/adapter-calls.js';
import { ChunkCollector } from '../../../openai/index.js';
import type { DeploymentView, Emission, Exchange } from '../adapter.js';
import { toOpenAiUsage } from '../usage.js';
import { geminiChat } from './openai-gemini.js';

const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };
const HEAD = { responseId: 'resp-1', modelVersion: 'gemini-2.5-flash-001' };
const deployment = (more: Partial<DeploymentView['capabilities']> = {}): DeploymentView => ({
  ...aDeploymentView('gemini', more),
  dialect: 'gemini',
  upstreamModel: 'gemini-2.5-flash',
});
const usageOf = (candidatesTokenCount: number) => ({
  promptTokenCount: 10,
  candidatesTokenCount,
  totalTokenCount: 10 + candidatesTokenCount,
});
const part = (parts: readonly object[], finishReason?: string, more: object = {}) => ({
  ...HEAD,
  candidates: [
    { content: { role: 'model', parts }, ...(finishReason === undefined ? {} : { finishReason }), index: 0 },
  ],
  usageMetadata: usageOf(parts.length),
  ...more,
});
const call = (name: string, args?: object, more: object = {}) => ({ functionCall: { name, args }, ...more });

const open = (request: object = {}): Exchange => openCall(geminiChat, deployment(), request);
const streamed = (...events: readonly unknown[]) => answer(open(), stream(...events));
const whole = (body: unknown) => answer(open(), JSON.stringify(body), JSON_TYPE);

function collect(emissions: readonly Emission[]) {
  const collector = new ChunkCollector();
  for (const one of emissions) if (one.kind === 'chunk') collector.add(one.chunk);
  const usage = emissions.flatMap((one) => (one.kind === 'usage' ? [toOpenAiUsage(one.usage)] : [])).at(-1);
  return { ...collector.collect(null), usage };
}
const choiceOf = (emissions: readonly Emission[]) => collect(emissions).choices[0];
const ending = (emissions: readonly Emission[]) => emissions.at(-1)?.kind;

describe('answers of Gemini', () => {
  it('streamed and whole give the same text, thoughts, finish and usage', () => {
    const thought = { text: 'Hm. ', thought: true };
    const parts = streamed(part([thought]), part([{ text: 'Hel' }]), part([{ text: 'lo' }], 'STOP'));
    const once = whole(part([thought, { text: 'Hel' }, { text: 'lo' }], 'STOP', { usageMetadata: usageOf(1) }));
    expect(collect(parts)).toEqual(collect(once));
    expect(collect(parts)).toMatchObject({
      id: 'resp-1',
      model: 'gemini-2.5-flash-001',
      choices: [{ message: { content: 'Hello', reasoning_content: 'Hm. ' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 1 },
    });
    expect(parts.filter(({ kind }) => kind === 'answered')).toEqual([
      { kind: 'answered', model: 'gemini-2.5-flash-001' },
    ]);
    expect([ending(parts), ending(once)]).toEqual(['done', 'done']);
  });

  it('thoughts are progress of reasoning, text is progress of content', () => {
    const emissions = streamed(part([{ text: 'Hm', thought: true }]), part([{ text: 'Hi' }]), part([], 'STOP'));
    const progress = emissions.flatMap((one) => (one.kind === 'chunk' ? [one.progress] : []));
    expect(progress).toEqual(['reasoning', 'content', 'none']);
  });

  it('Vertex says when it answered', () => {
    const emissions = whole(part([{ text: 'Hi' }], 'STOP', { createTime: '2026-05-04T20:01:02.264968Z' }));
    expect(collect(emissions).created).toBe(Date.parse('2026-05-04T20:01:02Z') / 1_000);
  });

  it('the stream may come as a list', () => {
    expect(choiceOf(whole([part([{ text: 'Hel' }]), part([{ text: 'lo' }], 'STOP')]))?.message.content).toBe('Hello');
  });

  it('parts of kinds that we do not know are skipped', () => {
    const unknown = [{ executableCode: { code: 'x' } }, { inlineData: { data: 'AAAA' } }, { toolCall: {} }, 7];
    expect(choiceOf(whole(part([...(unknown as object[]), { text: 'Hi' }], 'STOP')))?.message).toMatchObject({
      content: 'Hi',
    });
  });

  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['SOMETHING_NEW', 'stop'],
    ['constructor', 'stop'],
  ])('finish %s is %s', (name, reason) => {
    const emissions = streamed(part([{ text: 'x' }], name));
    expect(choiceOf(emissions)?.finish_reason).toBe(reason);
    expect(emissions).toContainEqual({ kind: 'finish', choice: 0, reason });
    expect(ending(emissions)).toBe('done');
  });

  it('several candidates are several choices, and one of them unfinished is no end', () => {
    const candidate = (index: number, text: string, finishReason?: string) => ({
      content: { parts: [{ text }] },
      index,
      finishReason,
    });
    const first = { ...HEAD, candidates: [candidate(0, 'a'), candidate(1, 'b')] };
    const last = { ...HEAD, candidates: [candidate(1, 'B', 'STOP')], usageMetadata: usageOf(4) };
    const rest = { ...HEAD, candidates: [candidate(0, 'A', 'MAX_TOKENS')], usageMetadata: usageOf(4) };
    expect(collect(streamed(first, last, rest)).choices).toMatchObject([
      { index: 0, message: { content: 'aA' }, finish_reason: 'length' },
      { index: 1, message: { content: 'bB' }, finish_reason: 'stop' },
    ]);
    expect(failureIn(streamed(first, last))?.class).toBe('truncated');
  });

  it('log probabilities come as OpenAI has them', () => {
    const token = (text: string, logProbability: number) => ({ token: text, tokenId: 1, logProbability });
    const logprobsResult = {
      chosenCandidates: [token('Hi', -0.5)],
      topCandidates: [{ candidates: [token('Hi', -0.5), token('Ho', -1)] }],
    };
    const candidate = { content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP', logprobsResult };
    const item = (text: string, logprob: number) => ({ token: text, logprob, bytes: [...Buffer.from(text)] });
    expect(choiceOf(whole({ ...HEAD, candidates: [candidate] }))?.logprobs).toEqual({
      content: [{ ...item('Hi', -0.5), top_logprobs: [item('Hi', -0.5), item('Ho', -1)] }],
      refusal: null,
    });
  });
});

describe('calls of tools by Gemini', () => {
  it('any call of a function ends with tool_calls; ids that it leaves out are derived and differ', () => {
    const emissions = streamed(part([call('f', { a: 1 }), call('g')]), part([{ text: '' }], 'STOP'));
    const { message, finish_reason: finish } = choiceOf(emissions) ?? {};
    const calls = message?.tool_calls ?? [];
    expect(finish).toBe('tool_calls');
    expect(message?.content).toBeNull();
    expect(calls.map((one) => one.function)).toEqual([
      { name: 'f', arguments: '{"a":1}' },
      { name: 'g', arguments: '{}' },
    ]);
    for (const { id } of calls) expect(id).toMatch(/^call_[0-9A-Za-z]{24}$/);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    const again = choiceOf(streamed(part([call('f', { a: 1 })], 'STOP')))?.message.tool_calls?.[0];
    expect(again?.id).toBe(calls[0]?.id);
  });

  it('ids that it gives are kept', () => {
    const part1 = { functionCall: { id: '96c1su3s', name: 'f', args: {} } };
    expect(choiceOf(whole(part([part1], 'STOP')))?.message.tool_calls?.[0]?.id).toBe('96c1su3s');
  });

  it('thought signatures ride on the call, or on the message where there is none', () => {
    const google = (signature: string) => ({ google: { thought_signature: signature } });
    const calls = choiceOf(whole(part([call('f', {}, { thoughtSignature: 's1' }), call('g')], 'STOP')))?.message;
    expect(calls?.tool_calls?.map((one) => one['extra_content'])).toEqual([google('s1'), undefined]);
    expect(calls?.['extra_content']).toBeUndefined();
    const text = streamed(part([{ text: 'Hi' }]), part([{ text: '', thoughtSignature: 's2' }], 'STOP'));
    expect(choiceOf(text)?.message['extra_content']).toEqual(google('s2'));
  });

  it('what was answered can be sent back', () => {
    const { message } = choiceOf(whole(part([call('f', { a: 1 }, { thoughtSignature: 's1' })], 'STOP'))) ?? {};
    const id = message?.tool_calls?.[0]?.id ?? '';
    const exchange = open({ messages: [message, { role: 'tool', tool_call_id: id, content: 'ok' }] });
    expect(JSON.parse(Buffer.from(exchange.request.body ?? []).toString())).toMatchObject({
      contents: [
        { role: 'model', parts: [{ functionCall: { id, name: 'f', args: { a: 1 } }, thoughtSignature: 's1' }] },
        { role: 'user', parts: [{ functionResponse: { id, name: 'f', response: { output: 'ok' } } }] },
      ],
    });
  });

  it('arguments in pieces are put together', () => {
    const piece = (members: object) => part([{ functionCall: members }]);
    const at = (jsonPath: string, value: object) => ({ partialArgs: [{ jsonPath, ...value }], willContinue: true });
    const emissions = streamed(
      piece({ name: 'f', willContinue: true }),
      piece(at('$.a.b[0].c', { stringValue: 'x', willContinue: true })),
      piece(at('$.a.b[0].c', { stringValue: 'y' })),
      piece(at('$.a.b[1]', { numberValue: 2 })),
      piece(at("$['__proto__']", { boolValue: true })),
      piece(at('$.n', { nullValue: null })),
      piece({}),
      piece({ name: 'g', willContinue: true }),
      part([{ text: '' }], 'STOP'),
    );
    expect(choiceOf(emissions)?.message.tool_calls?.map((one) => one.function)).toEqual([
      { name: 'f', arguments: '{"a":{"b":[{"c":"xy"},2]},"__proto__":true,"n":null}' },
      { name: 'g', arguments: '{}' },
    ]);
  });

  it.each([
    ['a path that is none', { name: 'f', partialArgs: [{ jsonPath: 'a', stringValue: 'x' }] }],
    ['a list with holes', { name: 'f', partialArgs: [{ jsonPath: '$.a[7]', stringValue: 'x' }] }],
    ['a piece without value', { name: 'f', partialArgs: [{ jsonPath: '$.a' }] }],
    ['a call without name', { args: {} }],
  ])('%s is malformed, never a call with wrong arguments', (_name, functionCall) => {
    expect(failureIn(streamed(part([{ functionCall }], 'STOP')))).toMatchObject({ class: 'malformed' });
  });
});

describe('answers of Gemini that are none', () => {
  it.each(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL'])('finish %s is malformed', (name) => {
    const body = { ...HEAD, candidates: [{ finishReason: name }], usageMetadata: usageOf(0) };
    expect(failureIn(whole(body))).toMatchObject({ class: 'malformed', vendorCode: name, billed: 'yes' });
    expect(failureIn(streamed(body))).toMatchObject({ class: 'malformed', vendorCode: name, billed: 'yes' });
  });

  it('a blocked prompt is a refusal of its content, and its usage is known', () => {
    const body = {
      ...HEAD,
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
      usageMetadata: { promptTokenCount: 9 },
    };
    for (const emissions of [whole(body), streamed(body)]) {
      expect(failureIn(emissions)).toMatchObject({
        class: 'content_refused',
        outcome: 'content_refused',
        vendorCode: 'PROHIBITED_CONTENT',
        billed: 'yes',
      });
      expect(emissions).toContainEqual(expect.objectContaining({ kind: 'usage' }));
    }
  });

  it('no candidates are malformed', () => {
    expect(failureIn(whole({ ...HEAD, usageMetadata: usageOf(0) }))?.class).toBe('malformed');
    expect(failureIn(streamed({ ...HEAD, candidates: [] }))?.class).toBe('malformed');
    expect(failureIn(whole('text'))?.class).toBe('malformed');
    expect(failureIn(streamed('no JSON'))?.class).toBe('malformed');
  });

  it('a torn stream never ends clean', () => {
    const text = stream(part([{ text: 'Hel' }]), part([{ text: 'lo' }], 'STOP'));
    for (let at = 0; at < text.length - 4; at += 1) {
      const emissions = answer(open(), text.slice(0, at));
      expect([at, ending(emissions), failureIn(emissions)?.class]).toEqual([at, 'failure', 'truncated']);
    }
  });

  it('an error inside a success is a failure of its class', () => {
    const fault = { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } };
    expect(failureIn(streamed(part([{ text: 'Hel' }]), fault))).toMatchObject({
      class: 'overloaded',
      outcome: 'error_in_body',
      vendorCode: 'UNAVAILABLE',
      billed: 'yes',
    });
  });
});

describe('usage in answers of Gemini', () => {
  it('U8: repeated in each chunk, the last report wins and is never summed', () => {
    const emissions = streamed(
      part([{ text: 'a' }], undefined, { usageMetadata: { promptTokenCount: 165, totalTokenCount: 165 } }),
      part([{ text: 'b' }], 'STOP', { usageMetadata: { ...usageOf(13), promptTokenCount: 163, totalTokenCount: 176 } }),
    );
    expect(collect(emissions).usage).toMatchObject({ prompt_tokens: 163, completion_tokens: 13, total_tokens: 176 });
  });

  it('the tier that served is named, in lower case', () => {
    const emissions = whole(
      part([{ text: 'a' }], 'STOP', { usageMetadata: { ...usageOf(1), serviceTier: 'PRIORITY' } }),
    );
    expect(emissions).toContainEqual(expect.objectContaining({ kind: 'usage', billedTier: 'priority' }));
  });

  it('absent, it is counted from what passed', () => {
    const exchange = open();
    const text = stream(part([{ text: 'né', thought: true }, { text: 'é' }], 'STOP', { usageMetadata: undefined }));
    expect(answer(exchange, text).some(({ kind }) => kind === 'usage')).toBe(false);
    expect(exchange.received).toEqual({ textBytes: 2, reasoningBytes: 3 });
  });
});

describe('any split of the same bytes', () => {
  it('same bytes in, same emissions out', () => {
    const bytes = Buffer.from(
      stream(part([{ text: 'Grüße', thought: true }]), part([{ text: '€' }, call('f', { a: 'ß' })]), part([], 'STOP')),
    );
    const read = (pieces: readonly Buffer[]): string => {
      const exchange = open();
      const emissions = [
        ...exchange.accept(200, { 'content-type': 'text/event-stream' }),
        ...pieces.flatMap((piece) => exchange.push(piece)),
        ...exchange.end(),
      ];
      return JSON.stringify(emissions);
    };
    const expected = read([bytes]);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
        const at = [0, ...cuts.sort((one, other) => one - other), bytes.length];
        expect(read(at.slice(1).map((end, index) => bytes.subarray(at[index], end)))).toBe(expected);
      }),
    );
  });

  it('no answer throws', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.json({ maxDepth: 5 }), (first, second) => {
        answer(open(), first, JSON_TYPE);
        const candidates = `{"candidates":[{"content":{"parts":[${first}]},"finishReason":${second}}]}`;
        answer(open(), stream(candidates, first, second));
      }),
    );
  });
});
