import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import OpenAI, { APIError } from 'openai';

import { parseAmount } from '../../src/platform/money/index.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { until } from '../support/in-flight.js';
import { MOCKED_VENDORS, VendorMock, type MockedName } from '../support/vendor-mock.js';

interface Explained {
  readonly status: string;
  readonly aip: {
    readonly attempts: readonly { readonly provider: string; readonly outcome: string }[];
    readonly cost: { readonly amount: string };
  };
  readonly usage: { readonly completion_tokens: number };
}

const ANSWER = Array.from({ length: 40 }, (_, n) => `word${String(n)}`).join(' ');
const SPARE = 'The spare partner answers.';
/** One per dialect. */
const NAMES = ['openai', 'anthropic', 'gemini', 'bedrock', 'cohere'] as const satisfies readonly MockedName[];
const mock = new VendorMock();
let gateway: GatewayApp;
let key: string;
let models = 0;

beforeAll(async () => {
  await mock.start();
  gateway = await GatewayApp.start();
  key = await gateway.key(await gateway.user('analyst'));
});

beforeEach(() => {
  mock.clear();
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await mock.stop();
});

type Options = Omit<Parameters<VendorMock['register']>[2], 'model'>;

/** A model of its own with one deployment, and a dearer spare one if wanted. */
async function aModel(name: MockedName, options: Options & { readonly spare?: boolean } = {}) {
  models += 1;
  const model = `m${String(models)}`;
  const { spare = false, ...rest } = options;
  const first = await mock.register(gateway, name, { model, ...rest });
  if (!spare) return { model, ...first, other: '' };
  const other = await mock.register(gateway, 'openai', { model, price: '9' });
  mock.add({ match: { model: other.upstreamModel }, response: { content: SPARE } });
  return { model, ...first, other: other.provider };
}

async function explained(id: unknown): Promise<Explained> {
  return until(`the record of ${String(id)}`, async () => {
    const answer = await gateway.api<Explained>('GET', `/v1/generations/${String(id)}`, key);
    return answer.status === 200 ? answer.json() : undefined;
  });
}

async function outcomesOf({ headers }: Pick<HttpAnswer, 'headers'>): Promise<readonly string[]> {
  return (await explained(headers['x-request-id'])).aip.attempts.map(({ outcome }) => outcome);
}

const textOf = (answer: HttpAnswer): string | undefined =>
  answer.json<{ choices?: { message: { content: string } }[] }>().choices?.[0]?.message.content;

/** The first piece of a streamed answer, and the way to hang up. */
async function beginStream(model: string) {
  const hangUp = new AbortController();
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    signal: hangUp.signal,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
  });
  const reader = answer.body?.getReader();
  let text = '';
  while (!text.includes('word0')) {
    const piece = await reader?.read();
    if (piece?.value === undefined) throw new Error(`No piece came: ${text}`);
    text += Buffer.from(piece.value as Uint8Array).toString('utf8');
  }
  return { text, id: answer.headers.get('x-request-id'), hangUp };
}

describe.each(NAMES)('%s, as an independent mock speaks it', (name) => {
  it('a 429 moves the call, and nobody asks again before Retry-After', async () => {
    const { model, upstreamModel, other } = await aModel(name, { spare: true });
    const error = { message: 'Too many requests', type: 'rate_limit_error', code: 'rate_limit_exceeded' };
    mock.add({ match: { model: upstreamModel }, response: { error, status: 429, retryAfter: 30 } });
    const first = await gateway.chat(key, { model });
    expect([first.status, textOf(first)]).toEqual([200, SPARE]);
    expect(await outcomesOf(first)).toEqual(['rate_limited', 'ok']);
    const second = await gateway.chat(key, { model });
    expect([second.headers['aip-provider'], second.headers['aip-attempts']]).toEqual([other, '1']);
  });

  it('an overload that passes is tried again at the only partner', async () => {
    const { model, upstreamModel } = await aModel(name);
    const error = { message: 'Overloaded', type: 'overloaded_error' };
    const match = { model: upstreamModel };
    mock.add(
      { match: { ...match, sequenceIndex: 0 }, response: { error, status: 503 } },
      { match, response: { content: ANSWER } },
    );
    const answer = await gateway.chat(key, { model });
    expect([answer.status, textOf(answer)]).toEqual([200, ANSWER]);
    expect(await outcomesOf(answer)).toEqual(['http_error', 'ok']);
    expect(mock.asked(name).map(({ response }) => response.status)).toEqual([503, 200]);
  });

  it.each([
    ['garbage instead of an answer', { malformedRate: 1 }, 'malformed'],
    ['a connection that is cut before an answer', { disconnectRate: 1 }, 'connect_error'],
    ['an internal error', { dropRate: 1 }, 'http_error'],
  ])('%s is answered by another', async (_fault, chaos, outcome) => {
    const { model, upstreamModel } = await aModel(name, { spare: true });
    mock.add({ match: { model: upstreamModel }, response: { content: ANSWER }, chaos });
    const answer = await gateway.chat(key, { model });
    expect([answer.status, textOf(answer)]).toEqual([200, SPARE]);
    // A kept connection that turns out dead is tried once more, on a new one.
    const outcomes = await outcomesOf(answer);
    expect([new Set(outcomes.slice(0, -1)), outcomes.at(-1)]).toEqual([new Set([outcome]), 'ok']);
  });

  it('a first piece that does not come is left, the connection with it', async () => {
    const { model, upstreamModel } = await aModel(name, { spare: true, timers: { ttftMs: 200 } });
    const streamingProfile = { ttft: 3_000, tps: 1_000 };
    mock.add({ match: { model: upstreamModel }, response: { content: ANSWER }, streamingProfile });
    const before = await mock.hangUps(name);
    const answer = await gateway.chat(key, { model });
    expect([answer.status, textOf(answer)]).toEqual([200, SPARE]);
    expect(await outcomesOf(answer)).toEqual(['ttft_timeout', 'ok']);
    await until('the partner sees that we left', async () => ((await mock.hangUps(name)) > before ? true : undefined));
  });

  it('a torn stream never ends clean, though another could have answered', async () => {
    const { model, upstreamModel } = await aModel(name, { spare: true });
    mock.add({
      match: { model: upstreamModel },
      response: { content: ANSWER },
      chunkSize: 12,
      streamingProfile: { ttft: 10, tps: 50 },
      truncateAfterChunks: 8,
    });
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
    const stream = await client.chat.completions.create({
      model,
      stream: true,
      messages: [{ role: 'user', content: 'Hello' }],
    });
    let text = '';
    const read = async (): Promise<void> => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toBeInstanceOf(APIError);
    expect(ANSWER.startsWith(text) && text.startsWith('word0')).toBe(true);
    expect(text).not.toBe(ANSWER);
  });

  it('a caller who hangs up ends the request upstream, and pays for what had come', async () => {
    const { model, upstreamModel } = await aModel(name);
    const before = await mock.hangUps(name);
    mock.add({
      match: { model: upstreamModel },
      response: { content: ANSWER },
      chunkSize: 8,
      streamingProfile: { ttft: 10, tps: 20 },
    });
    const { text, id, hangUp } = await beginStream(model);
    // The mock is still writing: pieces arrive as they are made.
    expect(text).not.toContain('word39');
    hangUp.abort();
    const { status, aip } = await explained(id);
    expect(status).toBe('client_closed');
    expect(parseAmount(aip.cost.amount)).toBeGreaterThan(0n);
    await until('the partner sees that we left', async () => ((await mock.hangUps(name)) > before ? true : undefined));
  });
});

describe.each(NAMES.filter((name) => MOCKED_VENDORS[name].scheme !== 'sigv4'))('%s with a wrong key', (name) => {
  it("a partner's 401 never reaches a caller", async () => {
    const lone = await aModel(name, { secret: 'a-key-nobody-knows-0123456789' });
    const refused = await gateway.chat(key, { model: lone.model });
    expect(refused.status).toBe(502);
    expect(refused.text).not.toContain('a-key-nobody-knows');
    const spared = await aModel(name, { secret: 'a-key-nobody-knows-0123456789', spare: true });
    const answer = await gateway.chat(key, { model: spared.model });
    expect([answer.status, textOf(answer)]).toEqual([200, SPARE]);
    expect((await outcomesOf(answer)).at(-1)).toBe('ok');
  });
});
