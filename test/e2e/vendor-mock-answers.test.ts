import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';

import { expectValid } from '../support/answer-check.js';
import { GatewayApp } from '../support/gateway-app.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { MOCKED_VENDORS, VendorMock, type MockedName } from '../support/vendor-mock.js';

const ANSWER = 'The red car came first, at 09:12; the blue one followed four minutes later.';
const THOUGHT = 'Two sightings, one clock: compare the minutes.';
/** Each vendor's mock reads the names of its own protocol. */
const USAGE = { prompt_tokens: 31, completion_tokens: 17, promptTokenCount: 31, candidatesTokenCount: 17 };
const COUNTED = { prompt_tokens: 31, completion_tokens: 17, total_tokens: 48 };
const CALLS = [
  { id: 'call_a1', name: 'search_vehicles', arguments: '{"plate":"B-AI 1"}' },
  { id: 'call_b2', name: 'search_vehicles', arguments: '{"plate":"B-AI 2"}' },
];
const SEARCH: ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'search_vehicles',
    description: 'Finds vehicles by their plate',
    parameters: { type: 'object', properties: { plate: { type: 'string' } }, required: ['plate'] },
  },
};
const FORMAT = {
  type: 'json_schema',
  json_schema: {
    name: 'sighting',
    strict: true,
    schema: {
      type: 'object',
      properties: { first: { type: 'string' }, minutes: { type: 'integer' } },
      required: ['first', 'minutes'],
      additionalProperties: false,
    },
  },
} as const;
const NAMES = Object.keys(MOCKED_VENDORS) as MockedName[];

const ask = (content: string): ChatCompletionMessageParam[] => [{ role: 'user', content }];

const mock = new VendorMock();
const wire = new RecordingFetch();
let gateway: GatewayApp;
let client: OpenAI;

beforeAll(async () => {
  await mock.start();
  gateway = await GatewayApp.start();
  const apiKey = await gateway.key(await gateway.user('analyst'));
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, fetch: wire.fetch, maxRetries: 0 });
});

beforeEach(() => {
  wire.clear();
  mock.clear();
  mock.add(
    { match: { userMessage: 'think' }, response: { content: ANSWER, reasoning: THOUGHT, usage: USAGE } },
    { match: { userMessage: 'as JSON' }, response: { content: '{"first":"red","minutes":4}', usage: USAGE } },
    { match: { userMessage: 'cut short' }, response: { content: ANSWER, finishReason: 'length', usage: USAGE } },
    { match: { userMessage: 'search', hasToolResult: false }, response: { toolCalls: CALLS, usage: USAGE } },
    { match: { userMessage: 'search', hasToolResult: true }, response: { content: ANSWER, usage: USAGE } },
    { match: { userMessage: 'first' }, response: { content: ANSWER, usage: USAGE }, chunkSize: 7 },
  );
});

afterEach(async () => {
  for (const exchange of wire.exchanges) await expectValid(exchange);
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await mock.stop();
});

describe.each(NAMES)('%s, as an independent mock speaks it', (name) => {
  const model = `via-${name}`;

  beforeAll(async () => {
    await mock.register(gateway, name, { model });
  });

  it('answers in text, with finish and usage, under a credential it accepts', async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: [{ role: 'system', content: 'Answer in one sentence.' }, ...ask('Which car came first?')],
      temperature: 0.2,
      max_completion_tokens: 300,
    });
    expect(answer.choices).toHaveLength(1);
    expect(answer.choices[0]).toMatchObject({ message: { content: ANSWER, role: 'assistant' }, finish_reason: 'stop' });
    expect(answer.usage).toMatchObject(COUNTED);
    expect(wire.exchanges[0]?.headers.get('aip-cost')).toBe('0.000048000000 USD');
    const [asked, ...more] = mock.asked(name);
    expect(more).toEqual([]);
    expect(asked?.response.status).toBe(200);
    expect(asked?.body).toMatchObject({
      messages: [
        { role: 'system', content: 'Answer in one sentence.' },
        { role: 'user', content: 'Which car came first?' },
      ],
    });
  });

  it('streams the same text in pieces, with one finish and the usage at the end', async () => {
    const chunks = await Array.fromAsync(
      await client.chat.completions.create({
        model,
        messages: ask('Which car came first?'),
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    const pieces = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').filter((piece) => piece !== '');
    expect(pieces.join('')).toBe(ANSWER);
    expect(pieces.length).toBeGreaterThan(5);
    expect(chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).filter(Boolean)).toEqual([
      'stop',
    ]);
    expect(chunks.at(-1)?.usage).toMatchObject(COUNTED);
  });

  it('calls two tools at once, streamed and collected, and takes both results', async () => {
    const messages = ask('Please search both plates.');
    const streamed = await client.chat.completions.stream({ model, messages, tools: [SEARCH] }).finalChatCompletion();
    const collected = await client.chat.completions.create({ model, messages, tools: [SEARCH] });
    for (const answer of [streamed, collected]) {
      const [choice] = answer.choices;
      expect(choice?.finish_reason).toBe('tool_calls');
      const calls = choice?.message.tool_calls?.map((call) => (call.type === 'function' ? call.function : null));
      expect(calls?.map((call) => [call?.name, JSON.parse(call?.arguments ?? '') as unknown])).toEqual([
        ['search_vehicles', { plate: 'B-AI 1' }],
        ['search_vehicles', { plate: 'B-AI 2' }],
      ]);
      expect(new Set(choice?.message.tool_calls?.map(({ id }) => id)).size).toBe(2);
    }
    const message = collected.choices[0]?.message;
    if (message === undefined) throw new Error('No choice');
    const results = (message.tool_calls ?? []).map(({ id }, index) => ({
      role: 'tool' as const,
      tool_call_id: id,
      content: `{"seen":"09:1${String(index)}"}`,
    }));
    const final = await client.chat.completions.create({
      model,
      messages: [...messages, message, ...results],
      tools: [SEARCH],
    });
    expect(final.choices[0]).toMatchObject({ message: { content: ANSWER }, finish_reason: 'stop' });
  });

  it('says when an answer was cut short', async () => {
    const answer = await client.chat.completions.create({ model, messages: ask('Which one? Be cut short.') });
    expect(answer.choices[0]).toMatchObject({ message: { content: ANSWER }, finish_reason: 'length' });
  });

  it('shows its reasoning apart from the answer', async () => {
    // The mock sends Cohere's reasoning as ordinary text; Cohere itself sends blocks of type `thinking`.
    if (name === 'cohere') return;
    const answer = await client.chat.completions.create({ model, messages: ask('Please think.') });
    expect(answer.choices[0]?.message).toMatchObject({ content: ANSWER, reasoning_content: THOUGHT });
  });

  it('answers by a schema', async () => {
    const answer = await client.chat.completions.parse({
      model,
      messages: ask('Which one, as JSON?'),
      response_format: FORMAT,
    });
    expect(answer.choices[0]?.message.parsed).toEqual({ first: 'red', minutes: 4 });
  });
});

describe.each(['openai', 'azure', 'gemini', 'cohere'] as const)('embeddings of %s', (name) => {
  it('are the vectors of the vendor, as numbers and as base64, in the order of the inputs', async () => {
    const model = `vectors-of-${name}`;
    await mock.register(gateway, name, { model, capabilities: { operations: ['embeddings'] } });
    mock.add({ match: { inputText: 'red car' }, response: { embedding: [0.25, -0.5, 0.125] } });
    const ask = { model, input: 'the red car' };
    const numbers = await client.embeddings.create({ ...ask, encoding_format: 'float' });
    expect(numbers.data).toEqual([{ object: 'embedding', index: 0, embedding: [0.25, -0.5, 0.125] }]);
    const encoded = await client.embeddings.create(ask);
    expect(Array.from(encoded.data[0]?.embedding ?? [])).toEqual([0.25, -0.5, 0.125]);
    // The published schema knows vectors of numbers only.
    wire.exchanges.pop();
  });
});
