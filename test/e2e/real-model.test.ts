import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';

import { parseAmount } from '../../src/platform/money/index.js';
import { expectValid } from '../support/answer-check.js';
import { FaultyProxy } from '../support/faulty-proxy.js';
import { GatewayApp } from '../support/gateway-app.js';
import { until } from '../support/in-flight.js';
import { hasRealModel, RealModel } from '../support/real-model.js';
import { RecordingFetch } from '../support/recording-fetch.js';

interface Explained {
  readonly status: string;
  readonly aip: {
    readonly attempts: readonly {
      readonly ttftMs: number;
      readonly durationMs: number;
      readonly usageSource: string;
    }[];
    readonly cost: { readonly amount: string };
  };
}

const PROMPT = 'The car was seen near the bridge at nine';
const PROMPT_BYTES = Buffer.byteLength(PROMPT);
/** More than the model says in five seconds. */
const LONG = 1_000;
const requireData = process.env['AIP_TEST_REQUIRE_DATA'] === '1'; // eslint-disable-line no-restricted-syntax -- a switch of the test run
const suite = hasRealModel || requireData ? describe : describe.skip;
if (!hasRealModel && !requireData) process.stderr.write('real-model: left out, ../shared/data is not there\n');

const wire = new RecordingFetch();
let real: RealModel;
let proxy: FaultyProxy;
let gateway: GatewayApp;
let key: string;
let client: OpenAI;

async function start(): Promise<void> {
  real = await RealModel.start();
  // Nothing goes wrong at this proxy: it only shows whether the connection is open and how much has come.
  proxy = await new FaultyProxy(() => real.port).start();
  gateway = await GatewayApp.start();
  key = await gateway.key(await gateway.user('analyst'));
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, fetch: wire.fetch, maxRetries: 0 });
  await gateway.provider({
    name: 'on-site',
    baseUrl: `http://127.0.0.1:${String(proxy.port)}/v1`,
    model: 'live',
    upstreamModel: RealModel.NAME,
    prices: { input: '1', output: '10' },
  });
}

async function stop(): Promise<void> {
  for (const exchange of wire.exchanges) await expectValid(exchange);
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await proxy.stop();
  await real.stop();
}

const ask = (seed: number, bytes = 80): ChatCompletionCreateParamsNonStreaming => ({
  model: 'live',
  messages: [{ role: 'user', content: PROMPT }],
  max_completion_tokens: bytes,
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- what OpenAI no longer promises this model keeps
  seed,
});

async function explain(id: string | null): Promise<Explained> {
  return until(`the record of ${String(id)}`, async () => {
    const answer = await gateway.api<Explained>('GET', `/v1/generations/${String(id)}`, key);
    return answer.status === 200 ? answer.json() : undefined;
  });
}

suite('a model that really generates (../shared/data/real-upstream)', () => {
  beforeAll(start, 60_000);
  afterAll(stop, 60_000);

  it('answers with the usage that it counted, and that is what is charged', async () => {
    const answer = await client.chat.completions.create(ask(7));
    const text = answer.choices[0]?.message.content ?? '';
    expect(Buffer.byteLength(text)).toBeGreaterThan(40);
    expect(answer.choices[0]?.finish_reason).toBe('length');
    expect(answer.usage).toMatchObject({
      prompt_tokens: PROMPT_BYTES,
      completion_tokens: 80,
      total_tokens: PROMPT_BYTES + 80,
    });
    const picoUsd = String(PROMPT_BYTES * 1_000_000 + 80 * 10_000_000).padStart(12, '0');
    expect(wire.exchanges.at(-1)?.headers.get('aip-cost')).toBe(`0.${picoUsd} USD`);
  });

  it('says the same for the same seed, streamed and collected, and something else for another', async () => {
    const collected = await client.chat.completions.create(ask(7));
    const streamed = await client.chat.completions.stream({ ...ask(7), stream: true }).finalChatCompletion();
    const other = await client.chat.completions.create(ask(8));
    const [text] = collected.choices.map(({ message }) => message.content);
    expect(streamed.choices[0]?.message.content).toBe(text);
    expect(other.choices[0]?.message.content).not.toBe(text);
  });

  it('keeps calls at the same time apart', async () => {
    const seeds = [11, 12, 13, 14];
    const alone: unknown[] = [];
    for (const seed of seeds) alone.push((await client.chat.completions.create(ask(seed))).choices[0]?.message.content);
    const together = await Promise.all(seeds.map((seed) => client.chat.completions.create(ask(seed))));
    expect(together.map(({ choices }) => choices[0]?.message.content)).toEqual(alone);
  });

  it('arrives as it is generated, with the time of the first piece on record', async () => {
    const { data: stream, response } = await client.chat.completions
      .create({ ...ask(7, 200), stream: true, stream_options: { include_usage: true } })
      .withResponse();
    const times: number[] = [];
    let completion = 0;
    for await (const { choices, usage } of stream) {
      if ((choices[0]?.delta.content ?? '') !== '') times.push(performance.now());
      completion = usage?.completion_tokens ?? completion;
    }
    expect(completion).toBe(200);
    expect(times.length).toBeGreaterThan(50);
    // The first piece was here while most of the rest was not even generated.
    const all = Number(times.at(-1)) - Number(times[0]);
    const half = Number(times[Math.floor(times.length / 2)]) - Number(times[0]);
    expect(all).toBeGreaterThan(50);
    expect(half).toBeGreaterThan(all / 10);
    const [attempt] = (await explain(response.headers.get('x-request-id'))).aip.attempts;
    expect(attempt?.ttftMs).toBeLessThan(Number(attempt?.durationMs));
    expect(attempt?.usageSource).toBe('reported');
  });

  it('stops generating when the caller hangs up, who pays for what had come', async () => {
    // A client that keeps no copy: hanging up must reach the socket.
    const plain = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
    const { data: stream, response } = await plain.chat.completions
      .create({ ...ask(7, LONG), stream: true })
      .withResponse();
    let pieces = 0;
    for await (const { choices } of stream) {
      if ((choices[0]?.delta.content ?? '') !== '') pieces += 1;
      if (pieces === 20) break; // Leaving the loop hangs up.
    }
    await until('the connection to the model is closed', () => (proxy.open === 0 ? true : undefined));
    const bytes = proxy.answered;
    const { status, aip } = await explain(response.headers.get('x-request-id'));
    expect(status).toBe('client_closed');
    expect(aip.attempts).toMatchObject([{ usageSource: 'counted' }]);
    const cost = parseAmount(aip.cost.amount);
    expect(cost).toBeGreaterThan(0n);
    expect(cost).toBeLessThan(BigInt(PROMPT_BYTES + LONG * 10) * 1_000_000n);
    // Nothing came after: the model is not read on for nobody.
    expect(proxy.answered).toBe(bytes);
    // An event takes about 200 bytes.
    expect(bytes).toBeLessThan((LONG * 200) / 2);
  });
});
