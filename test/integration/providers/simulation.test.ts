import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { formatAmount } from '../../../src/platform/money/index.js';
import { chargeFor, type BilledTokens } from '../../../src/providers/simulation/bill.js';
import { SIMULATED_PARTNERS } from '../../../src/providers/simulation/partners.js';
import { CREDENTIAL, events, MESSAGES, read, type Reply, SimulationClient } from './simulation-client.js';

let client: SimulationClient;
const anyNumber: unknown = expect.any(Number);
const anyError: unknown = expect.any(Error);

beforeEach(async () => {
  client = new SimulationClient();
  await client.start();
});

afterEach(async () => {
  await client.stop();
});

describe('the OpenAI dialect', () => {
  it('answers collected and streamed with the same text and usage', async () => {
    const collected = read((await client.chat()).text);
    const streamed = await client.chat({ stream: true, stream_options: { include_usage: true } });
    const chunks = events(streamed.text);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    expect(text).toBe(collected.choices[0]?.message.content);
    expect(text).toMatch(/^\[SIMULATED\]/);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: collected.usage });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(streamed.text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(streamed.headers['x-simulated']).toBe('true');
  });

  it('gives equal answers in another process with the same seed', async () => {
    const first = read((await client.chat()).text);
    await client.start();
    expect(read((await client.chat()).text)).toMatchObject({ choices: first.choices, usage: first.usage });
  });

  it('honours bound, stop, n, JSON schema and tools', async () => {
    const bounded = read((await client.chat({ max_completion_tokens: 9 })).text);
    expect(bounded).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 9 } });
    const stopped = read((await client.chat({ stop: '.' })).text);
    expect(stopped.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: expect.not.stringContaining('.') },
    });
    expect(read((await client.chat({ n: 3 })).text).choices.map((choice) => choice.index)).toEqual([0, 1, 2]);
    const schema = { type: 'object', required: ['score'], properties: { score: { type: 'integer', minimum: 3 } } };
    const shaped = read(
      (await client.chat({ response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } })).text,
    );
    expect(JSON.parse(shaped.choices[0]?.message.content ?? '')).toEqual({ score: 3 });
    const tools = [{ type: 'function', function: { name: 'search', parameters: schema } }];
    const called = read((await client.chat({ tools })).text);
    expect(called.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: [{ type: 'function', function: { name: 'search', arguments: '{"score":3}' } }],
      },
    });
  });

  it('reports cached tokens for a repeated long beginning', async () => {
    const long = [{ role: 'system', content: 'The whole file. '.repeat(800) }, ...MESSAGES];
    await client.chat({ messages: long });
    const { usage } = read((await client.chat({ messages: long })).text);
    expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(1_024);
    expect(usage.prompt_tokens_details.cached_tokens).toBeLessThanOrEqual(usage.prompt_tokens);
    expect(client.lastLine.tokens.cachedInput).toBe(usage.prompt_tokens_details.cached_tokens);
  });

  it('embeds as numbers and as base64 alike', async () => {
    const body = { model: 'sim-embed', input: ['one car', 'two cars'], dimensions: 64 };
    const floats = read((await client.call('sim-realtime', '/embeddings', { body })).text);
    const encoded = await client.call('sim-realtime', '/embeddings', { body: { ...body, encoding_format: 'base64' } });
    const bytes = Buffer.from(String(read(encoded.text).data[1]?.embedding), 'base64');
    expect(Array.from({ length: 64 }, (_, at) => bytes.readFloatLE(at * 4))).toEqual(floats.data[1]?.embedding);
    expect(floats.usage.prompt_tokens).toBe(client.lastLine.tokens.input);
  });

  it('lists its models', async () => {
    const { data } = read((await client.call('sim-economy', '/models')).text);
    expect(data.map(({ id }) => id)).toEqual(['sim-small', 'sim-embed']);
  });

  it.each([
    [404, { model: 'gpt-9' }, { code: 'model_not_found' }],
    [400, { messages: [] }, { param: 'messages' }],
    [400, { n: 9 }, { param: 'n' }],
    [400, { messages: [{ role: 'user', content: 'word '.repeat(130_000) }] }, { code: 'context_length_exceeded' }],
  ])('refuses with %i what is wrong', async (status, body, error) => {
    const reply = await client.chat(body);
    expect(reply.status).toBe(status);
    expect(read(reply.text).error).toMatchObject(error);
    expect(client.lastLine).toMatchObject({ status, amount: 0n });
  });
});

describe('the Anthropic dialect', () => {
  it('answers collected and streamed with the same text and usage', async () => {
    const collected = read((await client.messages()).text);
    const streamed = events((await client.messages({ stream: true })).text);
    const text = streamed.map((event) => event.delta?.text ?? '').join('');
    expect(text).toBe(collected.content[0]?.text);
    expect(text).toMatch(/^\[SIMULATED\]/);
    expect(collected).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn' });
    expect(streamed.at(0)).toMatchObject({ type: 'message_start', message: { usage: { output_tokens: 1 } } });
    expect(streamed.at(-2)).toMatchObject({ type: 'message_delta', usage: collected.usage });
    expect(streamed.at(-1)).toEqual({ type: 'message_stop' });
  });

  it('thinks when asked to and bills it as reasoning', async () => {
    const body = { thinking: { type: 'enabled', budget_tokens: 1_024 }, max_tokens: 4_096 };
    const collected = read((await client.messages(body)).text);
    expect(collected.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
    const { output, reasoning } = client.lastLine.tokens;
    expect(reasoning).toBeGreaterThan(0);
    expect(collected.usage.output_tokens).toBe(output + reasoning);
    const streamed = events((await client.messages({ ...body, stream: true })).text);
    expect(streamed.map((event) => event.delta?.thinking ?? '').join('')).toBe(collected.content[0]?.thinking);
  });

  it('writes and reads its cache where it is marked', async () => {
    const system = [{ type: 'text', text: 'The whole file. '.repeat(800), cache_control: { type: 'ephemeral' } }];
    const first = read((await client.messages({ system })).text).usage;
    const second = read((await client.messages({ system })).text).usage;
    expect(first).toMatchObject({ cache_read_input_tokens: 0, cache_creation_input_tokens: anyNumber });
    expect(second.cache_read_input_tokens).toBeGreaterThanOrEqual(1_024);
    expect(second.cache_read_input_tokens + second.cache_creation_input_tokens).toBe(first.cache_creation_input_tokens);
  });

  it('calls tools in both forms', async () => {
    const tools = [
      { name: 'search', input_schema: { type: 'object', required: ['a'], properties: { a: { const: 1 } } } },
    ];
    const collected = read((await client.messages({ tools })).text);
    expect(collected).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', input: { a: 1 } }] });
    const streamed = events((await client.messages({ tools, stream: true })).text);
    expect(streamed.map((event) => event.delta?.partial_json ?? '').join('')).toBe('{"a":1}');
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'found' }] };
    expect(read((await client.messages({ tools, messages: [...MESSAGES, result] })).text).stop_reason).toBe('end_turn');
  });

  it('lists its models and refuses in its own words', async () => {
    expect(read((await client.call('sim-premium', '/v1/models')).text).data[0]?.id).toBe('sim-large');
    const reply = await client.messages({ max_tokens: 0 });
    expect(reply.status).toBe(400);
    expect(read(reply.text)).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
  });
});

describe('credential and limits', () => {
  it.each(['sim-economy', 'sim-premium'] as const)('answers 401 at %s without the credential', async (partner) => {
    const reply = await client.call(partner, partner === 'sim-premium' ? '/v1/models' : '/models', {
      headers: { authorization: 'Bearer wrong' },
    });
    expect(reply.status).toBe(401);
    expect(reply.text).not.toContain(CREDENTIAL);
  });

  it('counts requests down in its headers', async () => {
    const first = await client.chat();
    const second = await client.chat();
    const left = (reply: Reply) => Number(reply.headers['x-ratelimit-remaining-requests']);
    // A new minute may begin between the two.
    expect([left(first) - 1, 599]).toContain(left(second));
    expect((await client.messages()).headers['anthropic-ratelimit-requests-limit']).toBe('120');
  });

  it('answers 429 with retry-after beyond the tokens of a minute', async () => {
    const long = [{ role: 'user', content: 'word '.repeat(60_000) }];
    const replies = [];
    for (let count = 0; count < 8; count += 1) replies.push(await client.chat({ messages: long, max_tokens: 1 }));
    const limited = replies.find(({ status }) => status === 429);
    expect(Number(limited?.headers['retry-after'])).toBeGreaterThan(0);
    expect(read(limited?.text ?? '').error.code).toBe('rate_limit_exceeded');
  });
});

describe('faults before an answer', () => {
  it('refuses connections during an outage and listens on the same port afterwards', async () => {
    expect((await client.chat()).status).toBe(200);
    client.strike('outage');
    await expect(client.chat()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(read((await client.messages()).text).type).toBe('message');
    client.partners.faults.clear();
    await client.settled();
    expect((await client.chat()).status).toBe(200);
  });

  it('ends an outage by itself', async () => {
    client.strike('outage', { forMs: 60 });
    await expect(client.chat()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect((await client.chat()).status).toBe(200);
  });

  it.each(['reset', 'reset:connect'])('drops the socket with %s', async (fault) => {
    client.strike(fault);
    await expect(client.chat()).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET|EPIPE/),
    });
  });

  it.each([
    ['http:503', 503],
    ['http:400', 400],
    ['throttle', 429],
  ])('answers %s', async (fault, status) => {
    client.strike(fault);
    const reply = await client.chat();
    expect(reply.status).toBe(status);
    expect(read(reply.text).error.message).toContain('imulated');
    expect(client.lastLine).toMatchObject({ fault, status, amount: 0n, delivered: 'nothing' });
  });

  it('keeps the headers back', async () => {
    client.strike('slow-headers');
    const startedMs = client.clock.monotonicMs();
    expect((await client.chat()).status).toBe(200);
    expect(client.clock.monotonicMs() - startedMs).toBeGreaterThan(140);
  });
});

describe.each(['sim-economy', 'sim-premium'] as const)('faults within a stream of %s', (partner) => {
  const stream = async (fault: string) => {
    client.strike(fault, { partner });
    return partner === 'sim-premium'
      ? client.messages({ stream: true, max_tokens: 40 })
      : client.chat({ stream: true, max_tokens: 40, stream_options: { include_usage: true } });
  };
  const hasEnd = (text: string) => /\[DONE\]|message_stop/.test(text);
  const hasText = (text: string) => /"content":"[^"]|text_delta/.test(text);

  it('cuts before and after the first token', async () => {
    const before = await stream('cut:before');
    expect(before).toMatchObject({ status: 200, broken: anyError });
    expect(hasText(before.text)).toBe(false);
    expect(client.lastLine.tokens).toMatchObject({ output: 0, input: anyNumber });
    client.partners.faults.clear();
    const after = await stream('cut:after');
    expect(after.broken).toBeDefined();
    expect([hasText(after.text), hasEnd(after.text)]).toEqual([true, false]);
    expect(client.lastLine).toMatchObject({ delivered: 'partial', status: 200 });
  });

  it('truncates with a clean end', async () => {
    const reply = await stream('truncate');
    expect(reply.broken).toBeUndefined();
    expect([hasText(reply.text), hasEnd(reply.text)]).toEqual([true, false]);
  });

  it.each(['stall:before', 'stall:after'])('falls silent with %s until the client leaves', async (fault) => {
    client.strike(fault, { partner });
    const path = partner === 'sim-premium' ? '/v1/messages' : '/chat/completions';
    const model = partner === 'sim-premium' ? 'sim-large' : 'sim-small';
    const body = { model, messages: MESSAGES, max_tokens: 900, stream: true };
    const reply = await client.call(partner, path, { body, signal: AbortSignal.timeout(150) });
    expect(reply.broken).toBeDefined();
    expect(hasText(reply.text)).toBe(fault === 'stall:after');
    await client.settled();
    expect(client.lastLine).toMatchObject({ fault, delivered: 'partial' });
  });

  it('sends broken JSON, an error event and an event beyond 1 MiB', async () => {
    const malformed = await stream('malformed');
    expect(() => events(malformed.text)).toThrow(SyntaxError);
    client.partners.faults.clear();
    const failed = await stream('error-in-200');
    expect(failed.status).toBe(200);
    expect(events(failed.text)[0]).toMatchObject({ error: { message: 'Overloaded. Simulated.' } });
    expect(client.lastLine.amount).toBe(0n);
    client.partners.faults.clear();
    const huge = await stream('huge');
    expect(Math.max(...huge.text.split('\n').map((line) => line.length))).toBeGreaterThan(1_048_576);
  });

  it('drips, leaves the usage out or reports a wrong one, and bills the truth', async () => {
    const usages = (text: string) =>
      events(text)
        .map((event) => event.usage ?? event.message?.usage)
        .filter((usage) => usage !== undefined);
    const dripped = await stream('drip');
    expect(hasEnd(dripped.text)).toBe(true);
    const truth = client.lastLine;
    client.partners.faults.clear();
    expect(usages((await stream('no-usage')).text)).toEqual([]);
    expect(client.lastLine.tokens).toEqual(truth.tokens);
    client.partners.faults.clear();
    const wrong = usages((await stream('wrong-usage')).text).at(-1);
    expect(Math.max(wrong?.completion_tokens ?? 0, wrong?.output_tokens ?? 0)).toBeGreaterThan(
      50 * truth.tokens.output,
    );
    expect(client.lastLine).toMatchObject({ tokens: truth.tokens, amount: truth.amount, delivered: 'complete' });
  });
});

describe('faults within a collected answer', () => {
  it.each(['cut:before', 'cut:after'])('breaks the connection with %s', async (fault) => {
    client.strike(fault);
    expect((await client.chat()).broken).toBeDefined();
  });

  it.each(['truncate', 'malformed'])('ends cleanly but unreadable with %s', async (fault) => {
    client.strike(fault);
    const reply = await client.chat();
    expect(reply.broken).toBeUndefined();
    expect(() => read(reply.text)).toThrow(SyntaxError);
  });

  it('reports an error with status 200 and a body beyond 32 MiB', async () => {
    client.strike('error-in-200');
    const failed = await client.chat();
    expect([failed.status, read(failed.text).error.code]).toEqual([200, 'overloaded']);
    client.partners.faults.clear();
    client.strike('huge');
    expect((await client.chat()).text.length).toBeGreaterThan(33_554_432);
  });
});

describe('the bill', () => {
  it('names the request, its tokens and the exact charge, also over HTTP', async () => {
    const reply = await client.chat({}, { 'x-request-id': 'abc/2' });
    const { usage } = read(reply.text);
    const line = client.lastLine;
    const tokens: BilledTokens = {
      input: usage.prompt_tokens,
      output: usage.completion_tokens,
      cachedInput: 0,
      cacheWrite: 0,
      reasoning: 0,
    };
    const prices = SIMULATED_PARTNERS[0]?.models[0]?.prices ?? { input: '0' };
    expect(line).toMatchObject({
      requestId: 'abc/2',
      tokens,
      amount: chargeFor(tokens, prices),
      delivered: 'complete',
    });
    const bill: unknown = JSON.parse((await client.call('sim-economy', '/__bill')).text);
    expect(bill).toEqual({ lines: [{ ...line, amount: formatAmount(line.amount) }] });
  });

  it('counts what was generated and sent when the client hangs up midstream', async () => {
    await client.start({ delays: true });
    const gone = new AbortController();
    setTimeout(() => {
      gone.abort();
    }, 250);
    const reply = await client.call('sim-realtime', '/chat/completions', {
      body: { model: 'sim-fast', messages: MESSAGES, stream: true },
      signal: gone.signal,
    });
    await client.settled();
    const whole = read(
      (await client.call('sim-realtime', '/chat/completions', { body: { model: 'sim-fast', messages: MESSAGES } }))
        .text,
    );
    const [cut] = client.partners.bill();
    expect(reply.broken).toBeDefined();
    expect(cut).toMatchObject({ delivered: 'partial', stream: true });
    expect(cut?.tokens.output).toBeGreaterThan(10);
    expect(cut?.tokens.output).toBeLessThan(whole.usage.completion_tokens);
  });
});
