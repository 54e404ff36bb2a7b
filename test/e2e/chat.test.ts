import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { GatewayApp } from '../support/gateway-app.js';
import { answerStatus, cutAfter, reset, ScriptedUpstream, truncateAfter } from '../support/scripted-upstream.js';

interface Completion {
  readonly choices: readonly { readonly message: { readonly content: string }; readonly finish_reason: string }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number };
}

interface Refusal {
  readonly error: {
    readonly code: string;
    readonly type: string;
    readonly message: string;
    readonly param: string | null;
  };
}

let gateway: GatewayApp;
const first = new ScriptedUpstream();
const second = new ScriptedUpstream();
let key: string;

beforeAll(async () => {
  await Promise.all([first.start(), second.start()]);
  gateway = await GatewayApp.start();
  await gateway.provider({ name: 'first', baseUrl: first.url, model: 'm', prices: { input: '1', output: '2' } });
  await gateway.provider({ name: 'second', baseUrl: second.url, model: 'm', prices: { input: '3', output: '4' } });
  await gateway.investigation('OP-ONE');
  key = await gateway.key(await gateway.user('analyst'));
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await Promise.all([first.stop(), second.stop()]);
});

beforeEach(() => {
  first.seen.length = 0;
  second.seen.length = 0;
});

let pairs = 0;

/** Two partners nobody has met yet, behind the same upstreams: their breakers know nothing of other tests. Returns the model. */
async function freshPair(): Promise<string> {
  pairs += 1;
  const model = `m${String(pairs)}`;
  await gateway.provider({ name: `first-${model}`, baseUrl: first.url, model });
  await gateway.provider({ name: `second-${model}`, baseUrl: second.url, model, prices: { input: '3', output: '4' } });
  return model;
}

describe('POST /v1/chat/completions, 200', () => {
  it('answers from the cheapest partner, charges exactly and hands out receipts', async () => {
    const answer = await gateway.chat(key, {}, { 'AIP-Investigation': 'OP-ONE' });
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    const body = answer.json<Completion>();
    expect(body.choices[0]?.message.content).toBe('Hello there.');
    expect(body.choices[0]?.finish_reason).toBe('stop');
    expect(body.usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 });
    expect(answer.headers['aip-provider']).toBe('first');
    expect(answer.headers['aip-attempts']).toBe('1');
    // 12 × 1/1M + 5 × 2/1M
    expect(answer.headers['aip-cost']).toBe('0.000022000000 USD');
    expect(String(answer.headers['aip-audit-receipt'])).toMatch(
      /^[0-9a-f-]{36}\/\d+\/[0-9a-f]{64}, [0-9a-f-]{36}\/\d+\/[0-9a-f]{64}$/,
    );
    expect(first.seen[0]?.body).toMatchObject({ model: 'first-model', stream: true });
    expect(first.seen[0]?.body).not.toHaveProperty('aip');
    expect(first.seen[0]?.headers.authorization).toBe('Bearer secret-of-first-0123456789');
  });

  it('streams the same answer and ends with [DONE] after the settlement', async () => {
    const answer = await gateway.chat(key, { stream: true, stream_options: { include_usage: true } });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const events = answer.text.trim().split('\n\n');
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events
      .slice(0, -1)
      .map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[]; usage?: unknown });
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('Hello there.');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 17 } });
  });

  it('explains a finished call', async () => {
    const answer = await gateway.chat(key);
    const id = String(answer.headers['x-request-id']);
    const explained = await gateway.api<{
      aip: { attempts: unknown[] };
      receipts: string[];
      ledger: { kind: string }[];
      decision: object;
    }>('GET', `/v1/generations/${id}`, key);
    expect([explained.status, explained.text]).toEqual([200, expect.any(String)]);
    const body = explained.json();
    expect(body.aip.attempts).toHaveLength(1);
    expect(body.receipts).toHaveLength(2);
    expect(body.ledger.map(({ kind }) => kind).sort()).toEqual(['HOLD', 'SETTLE']);
    expect(body.decision).toHaveProperty('candidates');
  });

  it('names what it ignored', async () => {
    const answer = await gateway.chat(key, { colour: 'blue' });
    expect(answer.headers['aip-ignored']).toBe('colour');
  });

  it('repeats the first answer for a repeated Idempotency-Key', async () => {
    const headers = { 'Idempotency-Key': '"once-1"' };
    const one = await gateway.chat(key, {}, headers);
    const again = await gateway.chat(key, {}, headers);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.text).toBe(one.text);
    expect(first.seen).toHaveLength(1);
    const other = await gateway.chat(key, { messages: [{ role: 'user', content: 'Else' }] }, headers);
    expect([other.status, other.json<Refusal>().error.code]).toEqual([422, 'idempotency_key_reused']);
  });
});

describe('failover', () => {
  it('moves to the next partner before the first delta, and both attempts are on record', async () => {
    const model = await freshPair();
    first.next(answerStatus(500, {}));
    const answer = await gateway.chat(key, { model });
    expect(answer.status).toBe(200);
    expect(answer.headers['aip-provider']).toBe(`second-${model}`);
    expect(answer.headers['aip-attempts']).toBe('2');
    expect(answer.headers['aip-failover']).toBe(`first-${model};reason=http_error`);
    const id = String(answer.headers['x-request-id']);
    const explained = await gateway.api<{ aip: { attempts: { outcome: string }[] } }>(
      'GET',
      `/v1/generations/${id}`,
      key,
    );
    expect(explained.json().aip.attempts.map(({ outcome }) => outcome)).toEqual(['http_error', 'ok']);
  });

  it.each([
    ['an overloaded partner', answerStatus(503, { error: { message: 'overloaded' } })],
    [
      'a partner that refuses our credential',
      answerStatus(401, { error: { message: 'bad key', code: 'invalid_api_key' } }),
    ],
    ['a partner that resets the connection', reset],
    ['a stream cut before the first delta', cutAfter(0)],
    ['a stream that ends before the first delta', truncateAfter(1)],
  ])('answers from another for %s', async (_name, script) => {
    const model = await freshPair();
    first.next(script, script); // A kept-alive socket may be stale: one more try at the same partner is allowed.
    const answer = await gateway.chat(key, { model });
    expect([answer.status, answer.headers['aip-provider']]).toEqual([200, `second-${model}`]);
    first.forget();
  });

  it('a torn stream never ends clean', async () => {
    const model = await freshPair();
    first.next(cutAfter(3));
    const answer = await gateway.chat(key, { model, stream: true });
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('[DONE]');
    const last = answer.text.trim().split('\n\n').at(-1) ?? '';
    expect(JSON.parse(last.slice(6))).toMatchObject({
      error: { code: 'all_providers_failed', aip: { cost: { currency: 'USD' } } },
    });
  });
});

describe('refusals', () => {
  it.each([
    ['malformed JSON', '{"model":', 400, 'invalid_json'],
    ['a list', '[]', 400, 'invalid_value'],
    ['no messages', '{"model":"m"}', 400, 'invalid_value'],
    ['a wrong type', '{"model":"m","messages":"hello"}', 400, 'invalid_value'],
    ['__proto__', '{"model":"m","messages":[{"role":"user","content":"x"}],"__proto__":{"a":1}}', 400, 'invalid_json'],
    [
      '33 levels',
      `{"model":"m","messages":[{"role":"user","content":"x"}],"metadata":${'['.repeat(40)}${']'.repeat(40)}}`,
      400,
      'invalid_json',
    ],
    [
      'an unknown model',
      '{"model":"nobody-has-it","messages":[{"role":"user","content":"x"}]}',
      404,
      'model_not_found',
    ],
  ])('refuses %s', async (_name, body, status, code) => {
    const answer = await gateway.api<Refusal>('POST', '/v1/chat/completions', key, body, {
      'content-type': 'application/json',
    });
    expect([answer.status, answer.json().error.code]).toEqual([status, code]);
    expect(answer.json().error).toEqual(
      expect.objectContaining({ message: expect.any(String), type: expect.any(String) }),
    );
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(first.seen).toHaveLength(0);
  });

  it('401 without a credential, with a challenge', async () => {
    const answer = await gateway.api<Refusal>('POST', '/v1/chat/completions', undefined, {});
    expect([answer.status, answer.json().error.code]).toEqual([401, 'missing_credentials']);
    expect(String(answer.headers['www-authenticate'])).toMatch(/^Bearer realm="aip"/);
  });

  it('401 for a forged key and a forged token', async () => {
    for (const forged of [`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`, 'eyJhbGciOiJub25lIn0.e30.']) {
      const answer = await gateway.chat(forged);
      expect([answer.status, answer.json<Refusal>().error.code]).toEqual([401, 'invalid_token']);
    }
  });

  it('403 for a foreign investigation, without telling whether it exists', async () => {
    const answer = await gateway.chat(key, {}, { 'AIP-Investigation': 'OP-NOBODY' });
    expect([answer.status, answer.json<Refusal>().error.code]).toEqual([403, 'investigation_forbidden']);
  });

  it('402 when no candidate fits AIP-Max-Cost', async () => {
    const answer = await gateway.chat(key, {}, { 'AIP-Max-Cost': '0.000000000001 USD' });
    expect([answer.status, answer.json<Refusal>().error.code]).toEqual([402, 'max_cost_exceeded']);
  });

  it('404 for any other address below /v1, 415 for another type', async () => {
    const unknown = await gateway.api<Refusal>('POST', '/v1/completions', key, {});
    expect([unknown.status, unknown.json().error.code]).toEqual([404, 'unknown_url']);
    const typed = await gateway.api<Refusal>('POST', '/v1/chat/completions', key, '<x/>', {
      'content-type': 'application/xml',
    });
    expect([typed.status, typed.json().error.code]).toEqual([415, 'unsupported_media_type']);
  });

  it("answers a caller's fault with the partner's words, once", async () => {
    const model = await freshPair();
    first.next(
      answerStatus(400, {
        error: { message: 'temperature must be smaller', type: 'invalid_request_error', code: null },
      }),
    );
    const answer = await gateway.chat(key, { model });
    expect(answer.status).toBe(400);
    expect(answer.json<Refusal>().error.message).toContain('temperature must be smaller');
    expect(second.seen).toHaveLength(0);
  });

  it('502 or 503 when every partner fails, and nothing is charged', async () => {
    const model = await freshPair();
    first.next(answerStatus(500, {}));
    second.next(answerStatus(500, {}));
    const answer = await gateway.chat(key, { model });
    expect([502, 503]).toContain(answer.status);
    expect(answer.headers['x-should-retry']).toBe('true');
  });
});

describe('a caller who hangs up', () => {
  it('is charged for what was received, and nothing stays held', async () => {
    const model = await freshPair();
    first.next((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const words = Array.from({ length: 200 }, (_, index) => `word${String(index)} `);
      void (async () => {
        for (const content of words) {
          if (response.destroyed) return;
          response.write(
            `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'up-1', choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }] })}\n\n`,
          );
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        response.end();
      })();
    });
    const controller = new AbortController();
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      signal: controller.signal,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    const id = answer.headers.get('x-request-id') ?? '';
    controller.abort();
    const explained = await until<{ status: string; aip: { cost: { amount: string } } }>(async () => {
      const found = await gateway.api<{ status: string; aip: { cost: { amount: string } } }>(
        'GET',
        `/v1/generations/${id}`,
        key,
      );
      return found.status === 200 ? found.json() : undefined;
    });
    expect(explained.status).toBe('client_closed');
    expect(explained.aip.cost.amount > '0.000000000000').toBe(true);
  });
});

async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await read();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It never came');
}
