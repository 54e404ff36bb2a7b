import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  HumanMessage,
  SystemMessage,
  ToolMessage,
  type AIMessageChunk,
  type UsageMetadata,
} from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';

import { expectValid } from '../support/answer-check.js';
import { GatewayApp } from '../support/gateway-app.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { answerStatus, cutAfter, ScriptedUpstream } from '../support/scripted-upstream.js';
import { addSimulatedPartners } from '../support/simulated-partners.js';

const MODELS = ['sim-small', 'sim-large', 'sim-fast'];
const QUESTION = [new SystemMessage('Answer in one sentence.'), new HumanMessage('Which vehicle was seen first?')];
const SCHEMA = z.object({ score: z.number().int().min(3).max(9), first: z.enum(['red', 'blue']) });
const search = tool(({ plate }) => `${plate} seen at 09:12`, {
  name: 'search_vehicles',
  description: 'Finds vehicles by their plate',
  schema: z.object({ plate: z.string() }),
});
const upstream = new ScriptedUpstream();
const wire = new RecordingFetch();
let gateway: GatewayApp;
let simulatedKey: string;
let liveKey: string;

/** LangChain's model as anyone would set it up; `fetch` only listens. */
const chat = (model: string, apiKey = simulatedKey): ChatOpenAI =>
  new ChatOpenAI({
    model,
    apiKey,
    maxRetries: 0,
    configuration: { baseURL: `${gateway.url}/v1`, fetch: wire.fetch },
  });

/** Pieces as LangChain joins them. */
const joined = (pieces: readonly AIMessageChunk[]): AIMessageChunk | undefined =>
  pieces.slice(1).reduce<AIMessageChunk | undefined>((whole, piece) => whole?.concat(piece), pieces[0]);

beforeAll(async () => {
  await upstream.start();
  gateway = await GatewayApp.start();
  await addSimulatedPartners(gateway);
  await gateway.provider({ name: 'scripted', baseUrl: upstream.url, model: 'm' });
  const userId = await gateway.user('analyst');
  simulatedKey = await gateway.key(userId, { live: false });
  liveKey = await gateway.key(userId);
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

describe.each(MODELS)('LangChain with %s', (name) => {
  it('invoke answers, with usage and finish', async () => {
    const message = await chat(name).invoke(QUESTION);
    expect(message.text).toMatch(/^\[SIMULATED\]/);
    expect(message.response_metadata).toMatchObject({ finish_reason: 'stop' });
    const usage = message.usage_metadata as UsageMetadata | undefined;
    expect(usage?.total_tokens).toBe(Number(usage?.input_tokens) + Number(usage?.output_tokens));
  });

  it('stream comes in pieces that add up, with the usage at the end', async () => {
    const pieces = await Array.fromAsync(await chat(name).stream(QUESTION));
    const whole = joined(pieces);
    expect(pieces.filter(({ text }) => text !== '').length).toBeGreaterThan(1);
    expect(whole?.text).toMatch(/^\[SIMULATED\]/);
    expect((whole?.usage_metadata as UsageMetadata | undefined)?.output_tokens).toBeGreaterThan(0);
  });

  it('batch answers each question', async () => {
    const answers = await chat(name).batch(['One?', 'Two?', 'Three?']);
    expect(answers.map(({ text }) => text.startsWith('[SIMULATED]'))).toEqual([true, true, true]);
  });

  it('a bound tool is called, and its result taken', async () => {
    const model = chat(name).bindTools([search]);
    const first = await model.invoke(QUESTION);
    expect(first.response_metadata).toMatchObject({ finish_reason: 'tool_calls' });
    const [call] = first.tool_calls ?? [];
    if (call === undefined) throw new Error('No tool was called');
    expect([call.name, call.args]).toEqual(['search_vehicles', { plate: expect.any(String) }]);
    const result = await search.invoke({ plate: String(call.args['plate']) });
    const second = await model.invoke([
      ...QUESTION,
      first,
      new ToolMessage({ content: result, tool_call_id: call.id ?? '' }),
    ]);
    expect(second.text).toMatch(/^\[SIMULATED\]/);
  });

  it('a streamed call of a tool joins to one', async () => {
    const pieces = await Array.fromAsync(await chat(name).bindTools([search]).stream(QUESTION));
    expect(joined(pieces)?.tool_calls?.map(({ name: called, args }) => [called, args])).toEqual([
      ['search_vehicles', { plate: expect.any(String) }],
    ]);
  });

  it.each(['jsonSchema', 'functionCalling'] as const)('structured output by %s', async (method) => {
    const output = await chat(name).withStructuredOutput(SCHEMA, { name: 'sighting', method }).invoke(QUESTION);
    expect(SCHEMA.parse(output)).toEqual(output);
  });
});

describe('embeddings through LangChain', () => {
  it('a query and documents agree', async () => {
    const embeddings = new OpenAIEmbeddings({
      model: 'sim-embed',
      apiKey: simulatedKey,
      dimensions: 64,
      configuration: { baseURL: `${gateway.url}/v1` },
    });
    const documents = await embeddings.embedDocuments(['one car', 'two cars']);
    expect(documents.map(({ length }) => length)).toEqual([64, 64]);
    expect(await embeddings.embedQuery('one car')).toEqual(documents[0]);
  });
});

describe('errors through LangChain', () => {
  it('a fault of the request arrives with its status and words, once', async () => {
    const call = chat('nobody-has-it', liveKey).invoke(QUESTION);
    await expect(call).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
    expect(wire.exchanges).toHaveLength(1);
  });

  it('a partner that fails once is not noticed', async () => {
    upstream.next(answerStatus(503, { error: { message: 'overloaded' } }));
    expect((await chat('m', liveKey).invoke(QUESTION)).text).toBe('Hello there.');
    expect([wire.exchanges.length, upstream.seen.length]).toEqual([1, 2]);
  });

  it('a torn stream throws after the text that came', async () => {
    upstream.next(cutAfter(3));
    let text = '';
    const read = async (): Promise<void> => {
      for await (const piece of await chat('m', liveKey).stream(QUESTION)) text += piece.text;
    };
    await expect(read()).rejects.toThrow();
    expect(text).toBe('Hello there');
    // The client hung up at the error: there is no whole exchange to validate.
    wire.clear();
  });
});
