import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { GatewayApp } from '../support/gateway-app.js';
import { expiredToken, subscriber } from '../support/graphql-client.js';
import { until } from '../support/in-flight.js';
import { answerChat, ScriptedUpstream } from '../support/scripted-upstream.js';

const partner = new ScriptedUpstream();
let gateway: GatewayApp;
let admin: string;
let analyst: { id: string; token: string; key: string };

async function person(): Promise<typeof analyst> {
  const id = await gateway.user('analyst');
  return { id, token: gateway.token(id), key: await gateway.key(id) };
}

beforeAll(async () => {
  await partner.start();
  gateway = await GatewayApp.start();
  await gateway.provider({
    name: 'partner',
    baseUrl: partner.url,
    model: 'm',
    prices: { input: '0.15', output: '0.6' },
  });
  admin = gateway.token(await gateway.user('admin'));
  analyst = await person();
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  await gateway.stop();
  await partner.stop();
});

function manyAliases(): string {
  return Array.from({ length: 31 }, (_, n) => `a${String(n)}: seq`).join(' ');
}

describe('subscriptions', () => {
  it('dashboard sends a picture of all partners once a second', async () => {
    const client = subscriber(gateway, analyst.token);
    const pictures: { seq: number; capacity: unknown[] }[] = [];
    const stop = client.subscribe<{ dashboard: { seq: number; capacity: unknown[] } }>(
      { query: 'subscription { dashboard { seq asOf requestsPerSecond capacityLeftRatio capacity { state } } }' },
      {
        next: ({ data }) => {
          if (data) pictures.push(data.dashboard);
        },
        error: () => undefined,
        complete: () => undefined,
      },
    );
    await until('three pictures', () => (pictures.length >= 3 ? true : undefined), 15_000);
    stop();
    await client.dispose();
    expect(pictures[0]?.capacity).toHaveLength(1);
    const [first = 0, second = 0, third = 0] = pictures.map(({ seq }) => seq);
    expect([second - first, third - second]).toEqual([1, 1]);
  });

  it('budgetEvents tells when a budget is exhausted', async () => {
    const poor = await person();
    const made = await gateway.api('POST', '/api/budgets', admin, {
      name: 'Little',
      scope: { type: 'USER', id: poor.id },
      limits: [{ period: 'LIFETIME', amount: '0.00002' }],
    });
    expect(made.status).toBe(201);
    const limitId = made.json<{ limits: readonly { id: string }[] }>().limits[0]?.id ?? 'none';
    const client = subscriber(gateway, admin);
    const events: { type: string; data: unknown }[] = [];
    const failures: unknown[] = [];
    let connected = false;
    client.on('connected', () => (connected = true));
    client.subscribe<{ budgetEvents: { type: string; data: unknown } }>(
      { query: 'subscription { budgetEvents { type at data } }' },
      {
        next: ({ data, errors }) => {
          if (data) events.push(data.budgetEvents);
          if (errors) failures.push(...errors);
        },
        error: (error) => failures.push(error),
        complete: () => undefined,
      },
    );
    await until('the socket is open', () => (connected ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 700)); // The feed's head is read after the subscription is accepted.
    partner.next(answerChat(undefined, { prompt_tokens: 20, completion_tokens: 25, total_tokens: 45 }));
    expect((await gateway.chat(poor.key, { max_tokens: 25 })).status).toBe(200);
    const refused = await gateway.chat(poor.key, { max_tokens: 25 });
    expect(refused.status).toBe(402);
    await until(`a notice; failures: ${JSON.stringify(failures)}`, () => (events.length > 0 ? true : undefined));
    await client.dispose();
    expect(events.some(({ type, data }) => type.startsWith('budget.') && JSON.stringify(data).includes(limitId))).toBe(
      true,
    );
  });

  it.each([
    ['without a token', () => undefined],
    ['with a forged token', (): string => `${analyst.token.slice(0, -4)}AAAA`],
    ['with an expired token', (): string => expiredToken(gateway, analyst.id)],
  ])('a socket %s is closed', async (_name, token) => {
    const closes: number[] = [];
    const client = subscriber(gateway, token(), closes);
    const ended = await new Promise<string>((resolve) => {
      client.subscribe(
        { query: 'subscription { dashboard { seq } }' },
        {
          next: () => {
            resolve('data');
          },
          error: () => {
            resolve('refused');
          },
          complete: () => {
            resolve('complete');
          },
        },
      );
    });
    expect(ended).toBe('refused');
    expect(closes).toHaveLength(1);
    expect([4401, 4403]).toContain(closes[0]);
    await client.dispose();
  });

  it.each([
    ['a query', 'query { capacity { state } }'],
    ['a mutation', 'mutation { createKey(input: { name: "mine" }) { __typename } }'],
    ['a subscription of many aliases', `subscription { dashboard { ${manyAliases()} } }`],
  ])('%s over a socket is refused before it runs', async (_name, query) => {
    const client = subscriber(gateway, admin);
    const failure = await new Promise<unknown>((resolve) => {
      client.subscribe({ query }, { next: resolve, error: resolve, complete: () => undefined });
    });
    expect(failure).toEqual(
      expect.arrayContaining([expect.objectContaining({ extensions: { code: 'invalid_value' } })]),
    );
    await client.dispose();
  });

  it('a subscription without the permission is refused, and the socket stays for others', async () => {
    const service = await gateway.user('service');
    const client = subscriber(gateway, await gateway.key(service, { scopes: ['chat:write'] }));
    const failure = await new Promise<unknown>((resolve) => {
      client.subscribe(
        { query: 'subscription { budgetEvents { type } }' },
        {
          next: ({ data, errors }) => {
            resolve(errors ?? data);
          },
          error: resolve,
          complete: () => {
            resolve('complete');
          },
        },
      );
    });
    expect(JSON.stringify(failure)).toContain('insufficient_scope');
    await client.dispose();
  });
});
