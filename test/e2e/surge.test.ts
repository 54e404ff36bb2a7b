import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { until } from '../support/in-flight.js';
import { LimitedPartner } from '../support/limited-partner.js';

let gateway: GatewayApp;
let key: string;
const partners: LimitedPartner[] = [];

beforeAll(async () => {
  gateway = await GatewayApp.start();
  key = await gateway.key(await gateway.user('analyst'));
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await Promise.all(partners.map((partner) => partner.stop()));
});

async function partner(name: string, limits: LimitedPartner['limits'], model: string): Promise<LimitedPartner> {
  const made = await new LimitedPartner(limits).start();
  partners.push(made);
  const deployment = limits.concurrent === undefined ? {} : { limits: { maxConcurrent: limits.concurrent } };
  await gateway.provider({ name, baseUrl: made.url, model, deployment, prices: { input: '1', output: '1' } });
  return made;
}

const statusesOf = (answers: readonly HttpAnswer[]): readonly number[] => [
  ...new Set(answers.map(({ status }) => status)),
];

/** `perSecond` calls a second for `ms`. */
async function offer(model: string, perSecond: number, ms: number): Promise<readonly HttpAnswer[]> {
  const endMs = performance.now() + ms;
  const calls: Promise<HttpAnswer>[] = [];
  while (performance.now() < endMs) {
    calls.push(gateway.chat(key, { model }));
    await delay(1_000 / perSecond);
  }
  return Promise.all(calls);
}

describe('ten times the load over three partners', () => {
  it('loses no request and meets no 429', async () => {
    // Together 24 answers of half a second at once: 48 a second. A partner refuses what is above its own eight.
    const limits = { requests: 2_000, windowMs: 60_000, answerMs: 500, concurrent: 8 };
    const three = [
      await partner('one', limits, 'surge'),
      await partner('two', limits, 'surge'),
      await partner('three', limits, 'surge'),
    ];
    const before = await offer('surge', 4, 2_000);
    const after = await offer('surge', 40, 4_000);
    expect([statusesOf(before), statusesOf(after)]).toEqual([[200], [200]]);
    expect(three.map(({ refused }) => refused)).toEqual([0, 0, 0]);
    expect(three.reduce((sum, { served }) => sum + served, 0)).toBe(before.length + after.length);
  }, 60_000);

  it('keeps what three limits together give, and spills before anybody is refused', async () => {
    const shape = { windowMs: 60_000, answerMs: 20 };
    const three = [
      await partner('ten', { ...shape, requests: 10 }, 'sum'),
      await partner('twenty', { ...shape, requests: 20 }, 'sum'),
      await partner('thirty', { ...shape, requests: 30 }, 'sum'),
    ];
    // One call each teaches the limits.
    await until('every limit is known', async () => {
      await gateway.chat(key, { model: 'sum' });
      return three.every(({ served }) => served > 0) ? true : undefined;
    });
    const rest = 60 - three.reduce((sum, { served }) => sum + served, 0);
    const answers = await Promise.all(Array.from({ length: rest }, () => gateway.chat(key, { model: 'sum' })));
    expect(statusesOf(answers)).toEqual([200]);
    expect(three.map(({ served, refused }) => [served, refused])).toEqual([
      [10, 0],
      [20, 0],
      [30, 0],
    ]);
    const beyond = await gateway.chat(key, { model: 'sum' }, { 'aip-timeout-ms': '900' });
    expect([beyond.status, beyond.json<{ error: { code: string } }>().error.code]).toEqual([503, 'no_capacity']);
    expect(Number(beyond.headers['retry-after'])).toBeGreaterThan(0);
  }, 30_000);
});

describe('more calls than one partner takes at once', () => {
  it('wait for their turn instead of being refused', async () => {
    const slim = await partner('slim', { requests: 1_000, windowMs: 60_000, answerMs: 30, concurrent: 3 }, 'slim');
    const answers = await Promise.all(Array.from({ length: 60 }, () => gateway.chat(key, { model: 'slim' })));
    expect(statusesOf(answers)).toEqual([200]);
    expect([slim.served, slim.refused, slim.most]).toEqual([60, 0, 3]);
  }, 30_000);

  it('are shed by criticality: 503 capacity_shed with Retry-After for who waited in vain, answers for the critical', async () => {
    const made = await new LimitedPartner({ requests: 1_000, windowMs: 60_000, answerMs: 250 }).start();
    partners.push(made);
    await gateway.provider({
      name: 'slow',
      baseUrl: made.url,
      model: 'slow',
      deployment: { limits: { maxConcurrent: 1 } },
    });
    const critical = Array.from({ length: 5 }, () => gateway.chat(key, { model: 'slow' }));
    const late = { 'aip-criticality': 'sheddable', 'aip-timeout-ms': '600' };
    const sheddable = Array.from({ length: 3 }, () => gateway.chat(key, { model: 'slow' }, late));
    expect(statusesOf(await Promise.all(critical))).toEqual([200]);
    for (const refused of await Promise.all(sheddable)) {
      expect([refused.status, refused.json<{ error: { code: string } }>().error.code]).toEqual([503, 'capacity_shed']);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      expect(refused.headers['x-should-retry']).toBe('true');
    }
    expect(made.most).toBe(1);
    const metrics = (await gateway.api('GET', '/metrics', undefined)).text;
    expect(metrics).toContain('aip_requests_shed_total{criticality="sheddable",reason="waited"} 3');
    expect(metrics).toContain('aip_queue_depth{criticality="sheddable"} 0');
  }, 30_000);

  it('lose their place when the caller leaves', async () => {
    const held = await new LimitedPartner({ requests: 1_000, windowMs: 60_000, answerMs: 5_000 }).start();
    partners.push(held);
    await gateway.provider({
      name: 'held',
      baseUrl: held.url,
      model: 'held',
      deployment: { limits: { maxConcurrent: 1 } },
    });
    const gone = new AbortController();
    const busy = gateway.chat(key, { model: 'held' });
    await until('the only place is taken', () => Promise.resolve(held.running === 1 ? true : undefined));
    const leaving = fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'held', messages: [{ role: 'user', content: 'Hello' }] }),
      signal: gone.signal,
    }).catch(() => undefined);
    await until('it waits', async () => {
      const { text } = await gateway.api('GET', '/metrics', undefined);
      return text.includes('aip_queue_depth{criticality="critical"} 1') ? true : undefined;
    });
    gone.abort();
    await leaving;
    await until('its place is free', async () => {
      const { text } = await gateway.api('GET', '/metrics', undefined);
      return text.includes('aip_queue_depth{criticality="critical"} 0') ? true : undefined;
    });
    expect((await busy).status).toBe(200);
  }, 30_000);
});
