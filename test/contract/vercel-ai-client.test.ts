import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { APICallError, embed, embedMany, generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

import { expectValid } from '../support/answer-check.js';
import { GatewayApp } from '../support/gateway-app.js';
import { RecordingFetch } from '../support/recording-fetch.js';
import { answerStatus, cutAfter, ScriptedUpstream } from '../support/scripted-upstream.js';
import { addSimulatedPartners } from '../support/simulated-partners.js';

const MODELS = ['sim-small', 'sim-large', 'sim-fast'];
const PROMPT = 'Which of the two vehicles was seen first?';
const upstream = new ScriptedUpstream();
const wire = new RecordingFetch();
let gateway: GatewayApp;
let aip: ReturnType<typeof connect>;
let scripted: ReturnType<typeof connect>;
let models = 0;

/** The provider of the AI SDK as anyone would set it up; `fetch` only listens. */
const connect = (apiKey: string) =>
  createOpenAICompatible({
    name: 'aip',
    baseURL: `${gateway.url}/v1`,
    apiKey,
    fetch: wire.fetch,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });

/** A partner of its own with a model that does what the test says. */
async function aModel(): Promise<string> {
  models += 1;
  const model = `m${String(models)}`;
  await gateway.provider({ name: `partner-${model}`, baseUrl: upstream.url, model });
  return model;
}

beforeAll(async () => {
  await upstream.start();
  gateway = await GatewayApp.start();
  await addSimulatedPartners(gateway);
  const userId = await gateway.user('analyst');
  aip = connect(await gateway.key(userId, { live: false }));
  scripted = connect(await gateway.key(userId));
});

beforeEach(() => {
  wire.clear();
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

describe.each(MODELS)('the AI SDK with %s', (name) => {
  it('generates text, with usage and without warnings', async () => {
    const { text, finishReason, usage, warnings, finalStep } = await generateText({ model: aip(name), prompt: PROMPT });
    expect(text).toMatch(/^\[SIMULATED\]/);
    expect([finishReason, warnings ?? []]).toEqual(['stop', []]);
    expect(usage.totalTokens).toBe(Number(usage.inputTokens) + Number(usage.outputTokens));
    expect(finalStep.response.headers?.['x-request-id']).toBe(wire.exchanges[0]?.headers.get('x-request-id'));
  });

  it('streams text in pieces and ends with finish and usage', async () => {
    const stream = streamText({ model: aip(name), prompt: PROMPT });
    const pieces = await Array.fromAsync(stream.textStream);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe(await stream.text);
    expect(await stream.finishReason).toBe('stop');
    expect((await stream.usage).outputTokens).toBeGreaterThan(0);
  });

  it.each(['generateText', 'streamText'] as const)('runs a tool and goes on with its result, by %s', async (by) => {
    const asked: string[] = [];
    const options = {
      model: aip(name),
      prompt: PROMPT,
      stopWhen: stepCountIs(3),
      tools: {
        search_vehicles: tool({
          description: 'Finds vehicles by their plate',
          inputSchema: z.object({ plate: z.string() }),
          execute: ({ plate }) => {
            asked.push(plate);
            return { seen: '09:12' };
          },
        }),
      },
    };
    const result = by === 'generateText' ? await generateText(options) : streamText(options);
    const [text, steps] = [await result.text, await result.steps];
    expect(text).toMatch(/^\[SIMULATED\]/);
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(asked).toEqual([expect.any(String)]);
  });

  it('gives an object by a schema', async () => {
    const schema = z.object({ score: z.number().int().min(3).max(9), first: z.enum(['red', 'blue']) });
    const { output } = await generateText({ model: aip(name), prompt: PROMPT, output: Output.object({ schema }) });
    expect(schema.parse(output)).toEqual(output);
  });
});

describe('embeddings through the AI SDK', () => {
  it('embed and embedMany agree', async () => {
    const model = aip.embeddingModel('sim-embed');
    const one = await embed({ model, value: 'one car' });
    const many = await embedMany({ model, values: ['one car', 'two cars', 'no car'] });
    expect(many.embeddings).toHaveLength(3);
    expect(many.embeddings[0]).toEqual(one.embedding);
    expect(many.usage.tokens).toBeGreaterThan(0);
  });
});

describe('errors through the AI SDK', () => {
  it('a fault of the request is an APICallError that is not tried again', async () => {
    const call = generateText({ model: scripted('nobody-has-it'), prompt: PROMPT });
    const error: unknown = await call.catch((caught: unknown) => caught);
    expect(APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ statusCode: 404, isRetryable: false });
    expect((error as APICallError).message).toContain('nobody-has-it');
    expect(wire.exchanges).toHaveLength(1);
  });

  it('a partner that fails once is not noticed', async () => {
    const model = await aModel();
    upstream.next(answerStatus(503, { error: { message: 'overloaded' } }));
    const { text } = await generateText({ model: scripted(model), prompt: PROMPT, maxRetries: 0 });
    expect([text, wire.exchanges.length]).toEqual(['Hello there.', 1]);
  });

  it('a torn stream is an error part after the text that came, and the finish is no success', async () => {
    const model = await aModel();
    upstream.next(cutAfter(3));
    const errors: unknown[] = [];
    const { stream } = streamText({
      model: scripted(model),
      prompt: PROMPT,
      onError: ({ error }) => void errors.push(error),
    });
    const parts = await Array.fromAsync(stream);
    expect(parts.flatMap((part) => (part.type === 'text-delta' ? [part.text] : [])).join('')).toBe('Hello there');
    expect(parts.map(({ type }) => type)).toContain('error');
    expect(parts.some((part) => part.type === 'finish' && part.finishReason === 'stop')).toBe(false);
    expect(errors).toHaveLength(1);
  });
});
