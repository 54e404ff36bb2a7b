import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import OpenAI, { APIError, AuthenticationError, NotFoundError, RateLimitError } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import { z } from 'zod';

import { expectValid } from '../support/answer-check.js';
import { GatewayApp } from '../support/gateway-app.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { answerStatus, cutAfter, ScriptedUpstream, stallAfter } from '../support/scripted-upstream.js';
import { addSimulatedPartners } from '../support/simulated-partners.js';

const MODELS = ['sim-small', 'sim-large', 'sim-fast'];
const QUESTION: ChatCompletionMessageParam[] = [{ role: 'user', content: 'Which of the two vehicles was seen first?' }];
const SEARCH: ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'search_vehicles',
    description: 'Finds vehicles by their plate',
    parameters: {
      type: 'object',
      properties: { plate: { type: 'string', minLength: 1 } },
      required: ['plate'],
      additionalProperties: false,
    },
  },
};

let gateway: GatewayApp;
let admin: string;
let client: OpenAI;
let scripted: OpenAI;
const upstream = new ScriptedUpstream();
const wire = new RecordingFetch();

/** The official client as anyone would set it up; `fetch` only listens. */
const connect = (apiKey: string): OpenAI => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, fetch: wire.fetch });

/** The same client without a listener, which would go on reading when the client hangs up. */
const quiet = (heard: OpenAI): OpenAI => heard.withOptions({ fetch });

/** A client of a new analyst, so that limits of one test do not touch the next. */
async function newcomer(live = true): Promise<{ readonly userId: string; readonly client: OpenAI }> {
  const userId = await gateway.user('analyst');
  return { userId, client: connect(await gateway.key(userId, { live })) };
}

async function caught(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

beforeAll(async () => {
  await upstream.start();
  gateway = await GatewayApp.start();
  admin = gateway.token(await gateway.user('admin'));
  await addSimulatedPartners(gateway);
  await gateway.provider({ name: 'scripted', baseUrl: upstream.url, model: 'm' });
  ({ client } = await newcomer(false));
  scripted = (await newcomer()).client;
});

beforeEach(() => {
  wire.clear();
  upstream.seen.length = 0;
});

afterEach(async () => {
  for (const exchange of wire.exchanges) await expectValid(exchange);
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await upstream.stop();
});

describe('chat', () => {
  it.each(MODELS)('answers a plain question with %s', async (model) => {
    const answer = await client.chat.completions.create({ model, messages: QUESTION });
    expect(answer.object).toBe('chat.completion');
    expect(answer.choices[0]?.message.content).toMatch(/^\[SIMULATED\]/);
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage?.total_tokens).toBe(
      Number(answer.usage?.prompt_tokens) + Number(answer.usage?.completion_tokens),
    );
    expect(answer._request_id).toBe(wire.exchanges[0]?.headers.get('x-request-id'));
  });

  it.each(MODELS)('streams with %s, without usage unless asked', async (model) => {
    const stream = await client.chat.completions.create({ model, messages: QUESTION, stream: true });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toMatch(/^\[SIMULATED\]/);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.filter((chunk) => chunk.usage !== undefined)).toEqual([]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it.each(MODELS)('streams with %s and ends with the usage when asked', async (model) => {
    const options = { model, messages: QUESTION };
    const stream = await client.chat.completions.create({
      ...options,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
    const collected = await client.chat.completions.create(options);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(collected.usage?.completion_tokens);
  });

  it('gives as many choices as were asked for, streamed and collected', async () => {
    const body = { model: 'sim-small', messages: QUESTION, n: 3 };
    const collected = await client.chat.completions.create(body);
    const streamed = await client.chat.completions.stream(body).finalChatCompletion();
    for (const { choices } of [collected, streamed]) {
      expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
      expect(choices.every(({ message }) => message.content?.startsWith('[SIMULATED]') === true)).toBe(true);
    }
  });

  it('takes a picture beside the question', async () => {
    const url =
      'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const answer = await client.chat.completions.create({
      model: 'sim-large',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url } },
          ],
        },
      ],
    });
    expect(answer.choices[0]?.message.content).toMatch(/^\[SIMULATED\]/);
  });

  it("feeds the client's own stream collector", async () => {
    const stream = client.chat.completions.stream({ model: 'sim-small', messages: QUESTION });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toMatch(/^\[SIMULATED\]/);
  });
});

describe('tools', () => {
  it.each(MODELS)('takes a call and its result through %s', async (model) => {
    const first = await client.chat.completions.create({ model, messages: QUESTION, tools: [SEARCH] });
    const message = first.choices[0]?.message;
    const call = message?.tool_calls?.[0];
    if (message === undefined || call?.type !== 'function') throw new Error('No tool was called');
    expect(first.choices[0]?.finish_reason).toBe('tool_calls');
    expect(call.function.name).toBe('search_vehicles');
    expect(JSON.parse(call.function.arguments)).toEqual({ plate: expect.any(String) });
    const second = await client.chat.completions.create({
      model,
      messages: [...QUESTION, message, { role: 'tool', tool_call_id: call.id, content: '{"seen":"09:12"}' }],
      tools: [SEARCH],
    });
    expect(second.choices[0]?.message.content).toMatch(/^\[SIMULATED\]/);
    expect(second.choices[0]?.finish_reason).toBe('stop');
  });

  it.each(MODELS)('streams a call of %s in pieces that join', async (model) => {
    const stream = client.chat.completions.stream({ model, messages: QUESTION, tools: [SEARCH] });
    const final = await stream.finalChatCompletion();
    const call = final.choices[0]?.message.tool_calls?.[0];
    expect(final.choices[0]?.finish_reason).toBe('tool_calls');
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({ plate: expect.any(String) });
  });

  it('runs tools by itself with the runner of the client', async () => {
    const asked: unknown[] = [];
    const runner = client.chat.completions.runTools({
      model: 'sim-small',
      messages: QUESTION,
      tools: [
        {
          type: 'function',
          function: {
            name: 'search_vehicles',
            description: 'Finds vehicles by their plate',
            parameters: { type: 'object', properties: { plate: { type: 'string' } }, required: ['plate'] },
            parse: JSON.parse,
            function: (input: unknown) => {
              asked.push(input);
              return 'seen at 09:12';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toMatch(/^\[SIMULATED\]/);
    expect(asked).toHaveLength(1);
  });
});

describe('structured output', () => {
  it.each(MODELS)('parses what %s answers by a JSON schema', async (model) => {
    const answer = await client.chat.completions.parse({
      model,
      messages: QUESTION,
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'sighting',
          strict: true,
          schema: {
            type: 'object',
            properties: { score: { type: 'integer', minimum: 3, maximum: 9 }, first: { enum: ['red', 'blue'] } },
            required: ['score', 'first'],
            additionalProperties: false,
          },
        },
      },
    });
    expect(answer.choices[0]?.message.parsed).toEqual({
      score: expect.any(Number),
      first: expect.stringMatching(/^(red|blue)$/),
    });
  });
});

describe('schemas of the client', () => {
  it.each(MODELS)('are kept by %s, and the answer is parsed by them', async (model) => {
    const schema = z.object({ plates: z.array(z.string()).max(3), isSeen: z.boolean() });
    const answer = await client.chat.completions.parse({
      model,
      messages: QUESTION,
      response_format: zodResponseFormat(schema, 'sightings'),
    });
    expect(schema.parse(answer.choices[0]?.message.parsed)).toEqual(answer.choices[0]?.message.parsed);
  });
});

describe('embeddings', () => {
  it('decodes to the same vectors as base64 (the default of the client) and as numbers', async () => {
    const body = { model: 'sim-embed', input: ['one car', 'two cars'], dimensions: 64 };
    const encoded = await client.embeddings.create(body);
    const floats = await client.embeddings.create({ ...body, encoding_format: 'float' });
    expect(encoded.data.map(({ index }) => index)).toEqual([0, 1]);
    for (const [at, { embedding }] of encoded.data.entries()) {
      expect(embedding).toHaveLength(64);
      expect(Array.from(embedding)).toEqual(Array.from(Float32Array.from(floats.data[at]?.embedding ?? [])));
    }
    expect(encoded.usage.total_tokens).toBeGreaterThan(0);
    // The published schema knows vectors of numbers only, although the API answers text when it is asked to.
    wire.exchanges.shift();
  });
});

describe('models', () => {
  it('lists what the credential may use, and finds one', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['auto', ...MODELS, 'sim-embed']));
    expect(data.map(({ id }) => id)).not.toContain('m');
    expect(await client.models.retrieve('sim-small')).toMatchObject({ id: 'sim-small', object: 'model' });
  });
});

describe('errors', () => {
  it('401: AuthenticationError, once', async () => {
    const error = await caught(connect('aip_live_forged').chat.completions.create({ model: 'm', messages: QUESTION }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: 'invalid_token', type: 'authentication_error' });
    expect(wire.exchanges).toHaveLength(1);
  });

  it('400: names the member, once', async () => {
    const error = await caught(scripted.chat.completions.create({ model: 'm', messages: [] }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ code: 'invalid_value', param: 'messages', type: 'invalid_request_error' });
    expect(wire.exchanges).toHaveLength(1);
  });

  it('402: an exhausted budget refuses by name, once, and no partner is asked', async () => {
    const { userId, client: spender } = await newcomer();
    const made = await gateway.api(
      'POST',
      '/api/budgets',
      admin,
      {
        name: 'Tiny allowance',
        scope: { type: 'USER', id: userId },
        enforcement: 'HARD',
        limits: [{ period: 'DAY', amount: '0.000100' }],
      },
      { 'idempotency-key': 'tiny-allowance' },
    );
    expect([made.status, made.text]).toEqual([201, expect.any(String)]);
    const ask = { model: 'm', messages: QUESTION, max_completion_tokens: 20 };
    let error: unknown;
    for (let calls = 0; calls < 10 && error === undefined; calls += 1) {
      wire.clear();
      upstream.seen.length = 0;
      error = await caught(spender.chat.completions.create(ask));
    }
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 402, code: 'budget_exceeded', type: 'insufficient_quota' });
    expect((error as APIError).message).toContain('Tiny allowance');
    expect(wire.exchanges).toHaveLength(1);
    expect(upstream.seen).toHaveLength(0);
  });

  it('404: NotFoundError, once', async () => {
    const error = await caught(scripted.chat.completions.create({ model: 'nobody-has-it', messages: QUESTION }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' });
    expect(wire.exchanges).toHaveLength(1);
    expect(await caught(scripted.models.retrieve('nobody-has-it'))).toBeInstanceOf(NotFoundError);
  });

  it('429: RateLimitError that says when to return', async () => {
    const { userId, client: eager } = await newcomer();
    const made = await gateway.api('POST', '/api/quotas', admin, {
      name: 'one-an-hour',
      subject: { type: 'USER', id: userId },
      metric: 'REQUESTS',
      limit: 1,
      windowSeconds: 3_600,
    });
    expect([made.status, made.text]).toEqual([201, expect.any(String)]);
    await eager.chat.completions.create({ model: 'm', messages: QUESTION });
    upstream.seen.length = 0;
    const error = await caught(eager.chat.completions.create({ model: 'm', messages: QUESTION }, { maxRetries: 0 }));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ status: 429, code: 'quota_exceeded', type: 'rate_limit_error' });
    const { headers } = error as RateLimitError;
    expect(headers.get('x-should-retry')).toBe('true');
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(headers.get('retry-after-ms'))).toBeGreaterThan(0);
    expect((error as RateLimitError).message).toContain('one-an-hour');
    expect(upstream.seen).toHaveLength(0);
  });

  it('a fault of the request as the partner found it is final: one call, one attempt', async () => {
    upstream.next(
      answerStatus(400, { error: { message: 'temperature must be smaller', type: 'invalid_request_error' } }),
    );
    const error = await caught(scripted.chat.completions.create({ model: 'm', messages: QUESTION, temperature: 2 }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect((error as APIError).message).toContain('temperature must be smaller');
    expect([wire.exchanges.length, upstream.seen.length]).toEqual([1, 1]);
  });

  it('a partner that fails before it bills is tried again by the gateway: the client notices nothing', async () => {
    upstream.next(answerStatus(503, { error: { message: 'overloaded' } }));
    const answer = await scripted.chat.completions.create({ model: 'm', messages: QUESTION });
    expect(answer.choices[0]?.message.content).toBe('Hello there.');
    expect([wire.exchanges.length, upstream.seen.length]).toEqual([1, 2]);
  });

  it('5xx that waiting can cure: InternalServerError after the client tried again', async () => {
    const broken = new ScriptedUpstream(answerStatus(503, { error: { message: 'overloaded' } }));
    await broken.start();
    await gateway.provider({ name: 'broken', baseUrl: broken.url, model: 'broken' });
    const call = scripted.chat.completions.create({ model: 'broken', messages: QUESTION }, { maxRetries: 1 });
    const error = await caught(call);
    await broken.stop();
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(wire.exchanges.map(({ headers }) => headers.get('x-should-retry'))).toEqual(['true', 'true']);
  });

  it('a torn stream is an APIError after what had come, and never a clean end', async () => {
    await gateway.provider({ name: 'torn', baseUrl: upstream.url, model: 'torn' });
    upstream.next(cutAfter(3));
    const stream = await quiet(scripted).chat.completions.create({ model: 'torn', messages: QUESTION, stream: true });
    let text = '';
    const read = async (): Promise<void> => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    const error = await caught(read());
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: 'all_providers_failed' });
    expect(text).toBe('Hello there');
  });

  it('a client that aborts ends the request upstream', async () => {
    await gateway.provider({ name: 'slow', baseUrl: upstream.url, model: 'slow' });
    const closed = new Promise<void>((resolve) => {
      upstream.next((request, response) => {
        response.on('close', resolve);
        return stallAfter(2)(request, response);
      });
    });
    const stream = await quiet(scripted).chat.completions.create({ model: 'slow', messages: QUESTION, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'Hello') break;
    await closed;
  });
});
