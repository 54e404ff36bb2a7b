import { connect } from 'node:net';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { auditRecords } from '../support/audit-records.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { until } from '../support/in-flight.js';
import { row } from '../support/rows.js';
import { ScriptedUpstream, stallAfter } from '../support/scripted-upstream.js';

interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly type: string };
}

const MIB = 1024 * 1024;
const partner = new ScriptedUpstream();
let gateway: GatewayApp;
let admin: string;

beforeAll(async () => {
  await partner.start();
  gateway = await GatewayApp.start();
  await gateway.provider({ name: 'partner', baseUrl: partner.url, model: 'm', prices: { input: '1', output: '2' } });
  admin = gateway.token(await gateway.user('admin'));
  const budget = await gateway.api('POST', '/api/budgets', admin, {
    name: 'Everything',
    scope: { type: 'ORGANISATION', id: gateway.orgId },
    limits: [{ period: 'LIFETIME', amount: '100' }],
  });
  expect(budget.status).toBe(201);
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await partner.stop();
});

beforeEach(() => {
  partner.seen.length = 0;
});

/** A person with one quota of their own. */
async function personWith(quota: Readonly<Record<string, unknown>>): Promise<{ userId: string; key: string }> {
  const userId = await gateway.user('analyst');
  const made = await gateway.api('POST', '/api/quotas', admin, { subject: { type: 'USER', id: userId }, ...quota });
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
  return { userId, key: await gateway.key(userId) };
}

function expectRefused(answer: HttpAnswer, code: string, policy: string): void {
  expect([answer.status, answer.json<Refusal>().error.code]).toEqual([429, code]);
  expect(answer.json<Refusal>().error.message).toContain(policy);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  expect(answer.headers['x-should-retry']).toBe('true');
}

/** Grants an override as an administrator. */
async function override(userId: string, limits: Readonly<Record<string, number>>): Promise<void> {
  const granted = await gateway.api<{ state: string }>('POST', '/api/overrides', admin, {
    subject: { type: 'USER', id: userId },
    limits,
    reason: 'An urgent search warrant must be prepared tonight.',
    incidentRef: 'INC-7',
    expiresAt: new Date(performance.timeOrigin + performance.now() + 3_600_000).toISOString(),
  });
  expect([granted.status, granted.text]).toEqual([201, expect.stringContaining('"ACTIVE"')]);
}

describe('a quota of requests', () => {
  it('lets its number through, then 429 with Retry-After and RateLimit; other people are not touched', async () => {
    const { key } = await personWith({ name: 'three-an-hour', metric: 'REQUESTS', limit: 3, windowSeconds: 3_600 });
    for (let n = 0; n < 3; n += 1) {
      const answer = await gateway.chat(key);
      expect(answer.status).toBe(200);
      expect(answer.headers['x-ratelimit-remaining-requests']).toBe(String(2 - n));
    }
    const refused = await gateway.chat(key);
    expectRefused(refused, 'quota_exceeded', 'three-an-hour');
    expect(String(refused.headers['ratelimit-policy'])).toContain('"three-an-hour";q=3;qu="requests";w=3600');
    expect(String(refused.headers['ratelimit'])).toMatch(/"three-an-hour";r=0;t=\d+/);
    expect(partner.seen).toHaveLength(3);
    const other = await gateway.key(await gateway.user('analyst'));
    expect((await gateway.chat(other)).status).toBe(200);
  });

  it("is lifted by an administrator's override, which is on record with its use", async () => {
    const { key, userId } = await personWith({ name: 'one', metric: 'REQUESTS', limit: 1, windowSeconds: 3_600 });
    expect((await gateway.chat(key)).status).toBe(200);
    expectRefused(await gateway.chat(key), 'quota_exceeded', 'one');
    await override(userId, { requests: 5 });
    expect((await gateway.chat(key)).status).toBe(200);
    await until('grant and use are on record', async () => {
      const types = new Set((await auditRecords(gateway.databaseUrl)).map(({ type }) => type));
      return types.has('override.approved') && types.has('override.used') ? true : undefined;
    });
  });

  it('is not lifted by an override that a person grants themself', async () => {
    const { key, userId } = await personWith({ name: 'own', metric: 'REQUESTS', limit: 1, windowSeconds: 3_600 });
    expect((await gateway.chat(key)).status).toBe(200);
    const own = await gateway.api('POST', '/api/overrides', gateway.token(userId), {
      subject: { type: 'USER', id: userId },
      limits: { requests: 5 },
      reason: 'I would like to have more than I was given.',
      incidentRef: 'INC-8',
      expiresAt: new Date(performance.timeOrigin + performance.now() + 3_600_000).toISOString(),
    });
    if (own.status === 201) expect(own.json<{ state: string }>().state).toBe('REQUESTED');
    else expect(own.status).toBe(403);
    expectRefused(await gateway.chat(key), 'quota_exceeded', 'own');
  });
});

describe('a quota of tokens', () => {
  it('counts estimates while calls run and what was used afterwards', async () => {
    const { key } = await personWith({ name: 'tokens', metric: 'TOKENS', limit: 400, windowSeconds: 3_600 });
    // Each call asks for about 330 and uses 17: a sum of estimates would refuse the second.
    for (let n = 0; n < 3; n += 1) expect((await gateway.chat(key, { max_tokens: 300 })).status).toBe(200);
    expectRefused(await gateway.chat(key, { max_tokens: 390 }), 'quota_exceeded', 'tokens');
    expect(partner.seen).toHaveLength(3);
  });
});

describe('a quota of running calls', () => {
  it('refuses the second at the same time, gives the slot back after a hang-up, and an override adds one', async () => {
    const { key, userId } = await personWith({ name: 'one-at-a-time', metric: 'CONCURRENCY', limit: 1 });
    partner.next(stallAfter(2));
    const controller = new AbortController();
    const running = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      signal: controller.signal,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
    });
    expect(running.status).toBe(200);
    expectRefused(await gateway.chat(key), 'concurrency_exceeded', 'one-at-a-time');
    await override(userId, { concurrency: 1 });
    expect((await gateway.chat(key)).status).toBe(200);
    controller.abort();
    await running.text().catch(() => '');
    await until('the slot is back', async () => {
      const { used } = await stateOf(key);
      return used === 0 ? true : undefined;
    });
  });

  async function stateOf(key: string): Promise<{ readonly used: number }> {
    const answer = await gateway.api('POST', '/api/quotas/check', key, {});
    const [limit] = answer.json<{ limits: readonly { used: number; reserved: number }[] }>().limits;
    return { used: (limit?.used ?? 0) + (limit?.reserved ?? 0) };
  }
});

describe('a request beyond a limit of the wire', () => {
  let key: string;
  let before: unknown;

  beforeAll(async () => {
    key = await gateway.key(await gateway.user('analyst'));
  });

  const state = (): Promise<unknown> =>
    row(
      gateway.databaseUrl,
      `SELECT (SELECT count(*) FROM hold) AS holds, (SELECT count(*) FROM usage_record) AS used,
              (SELECT count(*) FROM ledger_entry) AS entries, (SELECT sum(posted)::text FROM budget_balance) AS posted,
              (SELECT sum(held)::text FROM budget_balance) AS held, (SELECT count(*) FROM audit_open_intent) AS open`,
    );

  beforeEach(async () => {
    await until('all earlier calls have ended', async () =>
      (await row<{ n: number }>(gateway.databaseUrl, 'SELECT count(*)::int AS n FROM audit_open_intent')).n === 0
        ? true
        : undefined,
    );
    before = await state();
  });

  async function expectNothingHappened(): Promise<void> {
    expect(await state()).toEqual(before);
    expect(partner.seen).toHaveLength(0);
  }

  const messages = [{ role: 'user', content: 'x' }];
  const nested = (levels: number): string =>
    `{"model":"m","messages":[{"role":"user","content":"x"}],"metadata":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`;

  it.each<readonly [string, string, number, string]>([
    ['deep JSON', nested(40), 400, 'invalid_json'],
    ['very deep JSON', nested(100_000), 400, 'invalid_json'],
    ['text instead of JSON', 'hello', 400, 'invalid_json'],
    ['an empty body', '', 400, 'invalid_json'],
    ['a number for the model', JSON.stringify({ model: 7, messages }), 400, 'invalid_value'],
    ['a text for max_tokens', JSON.stringify({ model: 'm', messages, max_tokens: '10' }), 400, 'invalid_value'],
    ['a negative max_tokens', JSON.stringify({ model: 'm', messages, max_tokens: -1 }), 400, 'invalid_value'],
    ['a fraction for max_tokens', JSON.stringify({ model: 'm', messages, max_tokens: 1.5 }), 400, 'invalid_value'],
    ['a huge max_tokens', JSON.stringify({ model: 'm', messages, max_tokens: 1e300 }), 400, 'invalid_value'],
    ['a text for stream', JSON.stringify({ model: 'm', messages, stream: 'yes' }), 400, 'invalid_value'],
    ['no messages', JSON.stringify({ model: 'm', messages: [] }), 400, 'invalid_value'],
    ['null for messages', JSON.stringify({ model: 'm', messages: null }), 400, 'invalid_value'],
  ])('refuses %s; nothing is charged, nothing is held', async (_name, body, status, code) => {
    const answer = await gateway.api<Refusal>('POST', '/v1/chat/completions', key, body, {
      'content-type': 'application/json',
    });
    expect([answer.status, answer.json().error.code]).toEqual([status, code]);
    await expectNothingHappened();
  });

  it('413 for a body of 33 MB', async () => {
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(33 * MIB) }] });
    const answer = await gateway.api<Refusal>('POST', '/v1/chat/completions', key, body);
    expect([answer.status, answer.json().error.code]).toEqual([413, 'request_too_large']);
    expect(answer.json().error.message).toContain(String(32 * MIB));
    await expectNothingHappened();
  });

  it('431 for headers beyond 32 KiB, over a plain socket', async () => {
    const head = await rawAnswer(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\nx-long: ${'a'.repeat(40 * 1024)}\r\ncontent-length: 0\r\n\r\n`,
    );
    expect(head).toMatch(/^HTTP\/1\.1 431 /);
    await expectNothingHappened();
  });

  it('400 for bytes that are no HTTP', async () => {
    expect(await rawAnswer('\u0016\u0003\u0001 nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    await expectNothingHappened();
  });

  /** What the server writes before it closes. */
  function rawAnswer(bytes: string): Promise<string> {
    return new Promise((resolve) => {
      let text = '';
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes));
      socket.setTimeout(5_000, () => socket.destroy());
      socket.on('data', (part) => (text += part.toString('latin1')));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve(text);
      });
    });
  }
});
