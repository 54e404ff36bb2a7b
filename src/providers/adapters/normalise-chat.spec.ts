import { describe, expect, it } from '@jest/globals';

import { ChatNormaliser } from './normalise-chat.js';

const AT = 1_760_000_000;
const HEAD = { id: 'c-1', object: 'chat.completion.chunk', created: AT, model: 'm-2026' };
const choice = (delta: object, more: object = {}) => ({ index: 0, delta, finish_reason: null, ...more });
const reader = () => new ChatNormaliser({ requestId: 'request/1', upstreamModel: 'upstream' });
const read = (...events: readonly object[]) => {
  const normaliser = reader();
  return events.map((event) => normaliser.read(event as never, AT));
};
const only = (event: object) => read(event)[0]?.chunk;

describe('a chunk is valid whatever came', () => {
  it('id: one per stream, the first that was seen, else one of the request', () => {
    const [first, second] = read(
      { ...HEAD, choices: [choice({ content: 'A' })] },
      { ...HEAD, id: 'other', choices: [choice({ content: 'B' })] },
    );
    expect([first?.chunk?.id, second?.chunk?.id]).toEqual(['c-1', 'c-1']);
    expect(only({ ...HEAD, id: '', choices: [choice({ content: 'A' })] })?.id).toBe('chatcmpl-request-1');
  });

  it.each([
    [AT * 1_000 + 123, AT],
    [0, AT],
    ['1760000000', AT],
    [-1, AT],
    ['yesterday', AT],
    [1.5, 1],
  ])('created: %j becomes seconds', (created, seconds) => {
    expect(only({ ...HEAD, created, choices: [choice({ content: 'A' })] })?.created).toBe(seconds);
  });

  it('object and model: the literal; the model that answered, else the one that was asked', () => {
    const chunk = only({ ...HEAD, object: '', model: '', choices: [choice({ content: 'A' })] });
    expect(chunk).toMatchObject({ object: 'chat.completion.chunk', model: 'upstream' });
  });

  it('choices: an index, known finishes, log probabilities as null or a whole object; filter chunks are swallowed', () => {
    expect(only({ ...HEAD, choices: [{ delta: { content: 'A' }, logprobs: { content: [] } }] })?.choices).toEqual([
      { index: 0, delta: { content: 'A' }, finish_reason: null, logprobs: { content: [], refusal: null } },
    ]);
    expect(only({ ...HEAD, choices: [choice({ content: 'A' }, { logprobs: 7 })] })?.choices[0]?.logprobs).toBeNull();
    expect(only({ ...HEAD, choices: [] })).toBeNull();
    expect(only({ ...HEAD, choices: [choice({}, { content_filter_results: {} })] })).toBeNull();
  });

  it('message: role assistant, content a text or null, refusal a text, parts joined, thinking apart', () => {
    const parts = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] },
      { type: 'text', text: 'A' },
      { type: 'text', text: 'b' },
    ];
    expect(only({ ...HEAD, choices: [choice({ role: 'model', content: parts })] })?.choices[0]?.delta).toEqual({
      role: 'assistant',
      content: 'Ab',
      reasoning_content: 'Hm',
    });
    expect(only({ ...HEAD, choices: [choice({ content: 7, refusal: 'No' })] })?.choices[0]?.delta).toEqual({
      content: null,
      refusal: 'No',
    });
  });

  it('tool calls: type, id, arguments as text and an index that never changes', () => {
    const whole = { function: { name: 'f', arguments: { a: 1 } } };
    const calls = only({ ...HEAD, choices: [choice({ tool_calls: [whole, { ...whole, function: { name: 'g' } }] })] })
      ?.choices[0]?.delta.tool_calls;
    expect(calls).toMatchObject([
      { index: 0, type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
      { index: 1, type: 'function', function: { name: 'g', arguments: '' } },
    ]);
    expect(calls?.map(({ id }) => id?.startsWith('call_'))).toEqual([true, true]);
    expect(calls?.[0]?.id).not.toBe(calls?.[1]?.id);
  });

  it('system_fingerprint, service_tier and usage: no null, no unknown tier, no report of the vendor', () => {
    const event = { ...HEAD, system_fingerprint: null, service_tier: 'on_demand', usage: { prompt_tokens: 1 } };
    const chunk = only({ ...event, choices: [choice({ content: 'A' })] });
    for (const member of ['system_fingerprint', 'service_tier', 'usage']) expect(chunk).not.toHaveProperty(member);
    const known = only({
      ...HEAD,
      system_fingerprint: 'fp',
      service_tier: 'default',
      choices: [choice({ content: 'A' })],
    });
    expect(known).toMatchObject({ system_fingerprint: 'fp', service_tier: 'default' });
  });

  it('what is valid stays the object it was', () => {
    const event = { ...HEAD, choices: [choice({ content: 'A' })] };
    expect(read(event)[0]).toMatchObject({ isChanged: false });
    expect(read(event)[0]?.chunk).toBe(event);
  });
});
