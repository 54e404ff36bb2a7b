import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ProbeProvidersJob } from '../../src/health/jobs/probe-providers.job.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { askGraphql, subscriber } from '../support/graphql-client.js';
import { until } from '../support/in-flight.js';
import { LimitedPartner } from '../support/limited-partner.js';
import { answerChat, reset, ScriptedUpstream } from '../support/scripted-upstream.js';

interface Limit {
  readonly unit: string;
  readonly limit: string | null;
  readonly used: string | null;
  readonly reserved: string;
  readonly remaining: string | null;
  readonly source: string;
  readonly credential: string | null;
}

interface Capacity {
  readonly deployment: { readonly provider: string; readonly model: string };
  readonly breaker: string;
  readonly inFlight: number;
  readonly concurrencyLimit: number;
  readonly limits: readonly Limit[];
  readonly lanes: readonly { readonly credential: string | null; readonly breaker: string; readonly usable: boolean }[];
}

const CAPACITY = `{ capacity { deployment { provider model } breaker inFlight concurrencyLimit
  limits { unit limit used reserved remaining source resetsAt exhaustsInSeconds windowSeconds credential }
  lanes { credential breaker breakerUntil inFlight concurrencyLimit usable } } }`;

const WINDOW_MS = 3_000;
let gateway: GatewayApp;
let key: string;
let admin: string;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  gateway = await GatewayApp.start();
  admin = gateway.token(await gateway.user('admin'));
  key = await gateway.key(await gateway.user('analyst'));
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  for (const stop of stops) await stop();
});

async function started<T extends { start(): Promise<unknown>; stop(): Promise<void> }>(partner: T): Promise<T> {
  await partner.start();
  stops.push(() => partner.stop());
  return partner;
}

async function capacityOf(provider: string): Promise<Capacity> {
  const { data, errors } = await askGraphql<{ capacity: readonly Capacity[] }>(gateway, admin, CAPACITY);
  expect(errors).toEqual([]);
  const found = data?.capacity.find(({ deployment }) => deployment.provider === provider);
  if (found === undefined) throw new Error(`No capacity of ${provider}`);
  return found;
}

/** Asks `perSecond` times a second for `ms`; all answers. */
async function offer(model: string, perSecond: number, ms: number): Promise<readonly HttpAnswer[]> {
  const endMs = performance.now() + ms;
  const calls: Promise<HttpAnswer>[] = [];
  while (performance.now() < endMs) {
    calls.push(gateway.chat(key, { model }));
    await delay(1_000 / perSecond);
  }
  return Promise.all(calls);
}

describe('a partner with a limit under three times its load', () => {
  it('sees no request above it once its window is known; the rest is served by another, and capacity agrees with its count', async () => {
    const small = await started(new LimitedPartner({ requests: 20, windowMs: WINDOW_MS }));
    const large = await started(new ScriptedUpstream());
    await gateway.provider({
      name: 'small',
      baseUrl: small.url,
      model: 'limited',
      prices: { input: '1', output: '1' },
    });
    await gateway.provider({
      name: 'large',
      baseUrl: large.url,
      model: 'limited',
      prices: { input: '9', output: '9' },
    });
    // The first call teaches the limit.
    expect((await gateway.chat(key, { model: 'limited' })).status).toBe(200);
    const answers = await offer('limited', 20, 3 * WINDOW_MS);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(small.refused).toBe(0);
    expect(answers.every((answer) => answer.headers['aip-attempts'] === '1')).toBe(true);
    // Most of what its windows gave was used before the dearer one was asked.
    expect(small.served).toBeGreaterThanOrEqual(40);
    expect(small.served + large.seen.length).toBe(answers.length + 1);
    const bearer = 'Bearer secret-of-small-0123456789';
    await until('capacity agrees with the partner', async () => {
      expect((await gateway.chat(key, { model: 'limited' })).status).toBe(200);
      const before = small.left(bearer);
      const [limit] = (await capacityOf('small')).limits;
      if (before === 0 || small.left(bearer) !== before || limit?.reserved !== '0') return undefined;
      return limit.remaining === String(before) && limit.used === String(20 - before) ? true : undefined;
    });
  });
});

describe('several credentials', () => {
  it('are used by headroom: together they serve what each alone could not, without a refusal', async () => {
    const partner = await started(new LimitedPartner({ requests: 10, windowMs: 86_400_000 }));
    const id = await gateway.provider({ name: 'twin', baseUrl: partner.url, model: 'twin' });
    const added = await gateway.api('POST', `/api/providers/${id}/credentials`, admin, {
      name: 'second',
      scheme: 'bearer',
      secret: 'second-secret-of-twin-0123456789',
    });
    expect(added.status).toBe(201);
    const statuses: number[] = [];
    for (let n = 0; n < 20; n += 1) statuses.push((await gateway.chat(key, { model: 'twin' })).status);
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200));
    expect([...partner.windows.values()].map(({ count }) => count)).toEqual([10, 10]);
    const refused = await gateway.chat(key, { model: 'twin' }, { 'aip-timeout-ms': '900' });
    expect([refused.status, partner.refused]).toEqual([503, 0]);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const { limits, lanes } = await capacityOf('twin');
    expect(limits.map(({ credential, remaining }) => [credential, remaining])).toEqual(
      expect.arrayContaining([
        ['main', '0'],
        ['second', '0'],
      ]),
    );
    expect(lanes.map(({ credential, usable }) => [credential, usable])).toEqual([
      ['main', true],
      ['second', true],
    ]);
  }, 30_000);

  it('skips one that the partner refuses, and nobody notices', async () => {
    const partner = await started(
      new ScriptedUpstream((request, response) => {
        const isBad = request.headers.authorization === 'Bearer secret-of-half-0123456789';
        if (isBad) {
          response.writeHead(401, { 'content-type': 'application/json' });
          response.end(
            '{"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}}',
          );
          return undefined;
        }
        return answerChat()(request, response);
      }),
    );
    const id = await gateway.provider({ name: 'half', baseUrl: partner.url, model: 'half' });
    const added = await gateway.api('POST', `/api/providers/${id}/credentials`, admin, {
      name: 'good',
      scheme: 'bearer',
      secret: 'good-secret-of-half-0123456789',
    });
    expect(added.status).toBe(201);
    for (let n = 0; n < 6; n += 1) expect((await gateway.chat(key, { model: 'half' })).status).toBe(200);
    const bad = partner.seen.filter(({ headers }) => headers.authorization === 'Bearer secret-of-half-0123456789');
    expect(bad.length).toBeLessThanOrEqual(1);
    expect((await capacityOf('half')).lanes.map(({ credential, usable }) => [credential, usable])).toEqual([
      ['main', bad.length === 0],
      ['good', true],
    ]);
  });
});

describe('limits of the row', () => {
  it('hold for a partner that reports none; REST and metrics tell the same', async () => {
    const quiet = await started(new ScriptedUpstream());
    const other = await started(new ScriptedUpstream());
    const deployment = { limits: { requestsPerMinute: 5 } };
    const cheap = { input: '1', output: '1' };
    await gateway.provider({ name: 'quiet', baseUrl: quiet.url, model: 'rowed', deployment, prices: cheap });
    await gateway.provider({ name: 'other', baseUrl: other.url, model: 'rowed', prices: { input: '9', output: '9' } });
    for (let n = 0; n < 9; n += 1) expect((await gateway.chat(key, { model: 'rowed' })).status).toBe(200);
    expect([quiet.seen.length, other.seen.length]).toEqual([5, 4]);
    const { data } = (await gateway.api<{ data: readonly Capacity[] }>('GET', '/api/capacity', admin)).json();
    const shown = data.find(({ deployment: { provider } }) => provider === 'quiet');
    expect(shown?.limits).toMatchObject([{ unit: 'requests', limit: 5, used: 5, remaining: 0, source: 'configured' }]);
    const metrics = (await gateway.api('GET', '/metrics', undefined)).text;
    expect(metrics).toContain('aip_capacity_used{provider="quiet",model="rowed",unit="requests"} 5');
    expect(metrics).toContain('aip_capacity_remaining{provider="quiet",model="rowed",unit="requests"} 0');
    expect(metrics).toContain('aip_concurrency_used{provider="quiet",model="rowed"} 0');
  });

  it('are shown only to those who may see capacity', async () => {
    expect((await gateway.api('GET', '/api/capacity', undefined)).status).toBe(401);
    const caller = await gateway.key(await gateway.user('analyst'), { scopes: ['chat:write'] });
    expect((await gateway.api('GET', '/api/capacity', caller)).status).toBe(403);
  });
});

describe('the breaker of a lone partner', () => {
  it('answers 503 no_capacity with Retry-After at once while it is open', async () => {
    const lone = await started(new ScriptedUpstream(reset));
    await gateway.provider({ name: 'lone', baseUrl: lone.url, model: 'lone' });
    for (let n = 0; n < 3; n += 1) await gateway.chat(key, { model: 'lone' });
    await until('the breaker is open', async () => ((await capacityOf('lone')).breaker === 'open' ? true : undefined));
    const seen = lone.seen.length;
    const startMs = performance.now();
    const refused = await gateway.chat(key, { model: 'lone' });
    expect([refused.status, refused.json<{ error: { code: string } }>().error.code]).toEqual([503, 'no_capacity']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    // Not queued: a wait would last until the breaker's second is over.
    expect(performance.now() - startMs).toBeLessThan(900);
    expect(lone.seen).toHaveLength(seen);
  });
});

describe('probes', () => {
  it('are unbilled, tell of partners nobody calls, and may end an open breaker early but never close it', async () => {
    const probed = await started(new ScriptedUpstream(reset));
    await gateway.provider({ name: 'probed', baseUrl: probed.url, model: 'probed' });
    const job = gateway.app.get(ProbeProvidersJob);
    const healthOf = async (): Promise<string | undefined> => {
      const answer = await gateway.api('GET', '/health/providers', undefined);
      const { data } = answer.json<{ data: readonly { provider: string; health: string }[] }>();
      return data.find(({ provider }) => provider === 'probed')?.health;
    };
    expect(await healthOf()).toBe('unknown');
    await job.run();
    expect(await healthOf()).toBe('healthy');
    for (let n = 0; n < 5; n += 1) await gateway.chat(key, { model: 'probed' });
    const calls = probed.seen.length;
    const seen = new Set<string>();
    await until('a probe ends the wait', async () => {
      const { breaker } = await capacityOf('probed');
      seen.add(breaker);
      await job.run();
      return breaker === 'half-open' ? true : undefined;
    });
    expect(seen).toEqual(new Set(['open', 'half-open']));
    expect(probed.seen).toHaveLength(calls);
  });
});

describe('the capacity subscription', () => {
  it('sends what every deployment can still take, the first picture at once', async () => {
    const client = subscriber(gateway, admin);
    const pictures = client.iterate<{ capacity: readonly Capacity[] }>({
      query:
        'subscription { capacity { deployment { provider model } breaker concurrencyLimit limits { unit remaining } } }',
    });
    const { value } = (await pictures.next()) as { value: { data?: { capacity: readonly Capacity[] } | null } };
    const twin = value.data?.capacity.find(({ deployment }) => deployment.provider === 'twin');
    expect(twin?.limits).toEqual([
      { unit: 'requests', remaining: '0' },
      { unit: 'requests', remaining: '0' },
    ]);
    await pictures.return?.();
    await client.dispose();
  });
});
