import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { parseAmount } from '../../src/platform/money/index.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { until } from '../support/in-flight.js';
import { rows } from '../support/rows.js';
import { answerStatus, chatEvents, ScriptedUpstream, stallAfter } from '../support/scripted-upstream.js';

interface Answered {
  readonly aip: {
    readonly requestId: string;
    readonly reserved: { readonly amount: string };
    readonly attempts: readonly { readonly outcome: string; readonly cost: { readonly amount: string } }[];
  };
}

const first = new ScriptedUpstream();
const second = new ScriptedUpstream();
let gateway: GatewayApp;

beforeAll(async () => {
  await first.start();
  await second.start();
  gateway = await GatewayApp.start();
  const prices = { input: '1000', output: '1000' };
  const deployment = { timers: { ttftMs: 300 } };
  await gateway.provider({ name: 'first', baseUrl: first.url, model: 'first', prices, deployment });
  await gateway.provider({ name: 'second', baseUrl: second.url, model: 'second', prices });
  await gateway.provider({
    name: 'dear',
    baseUrl: second.url,
    model: 'dear',
    prices: { input: '3000', output: '3000' },
  });
  await gateway.provider({
    name: 'single',
    baseUrl: second.url.replace('/v1', ''),
    vendor: 'anthropic',
    dialect: 'anthropic',
    model: 'single',
    prices,
  });
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await first.stop();
  await second.stop();
});

afterEach(() => {
  first.forget();
  second.forget();
});

const chat = (key: string, body: Readonly<Record<string, unknown>> = {}): Promise<HttpAnswer> =>
  gateway.chat(key, { model: 'first', models: ['second'], max_tokens: 100, ...body }, { 'aip-metadata': 'full' });

/** What the ledger says about the holds of a request, in order. */
const entries = (requestId: string): Promise<readonly { kind: string; reason: string; held: string }[]> =>
  rows(
    gateway.databaseUrl,
    `SELECT kind, reason, (SELECT sum(h) FROM unnest(held_delta) h)::text AS held FROM ledger_entry
      WHERE request_id = $1 ORDER BY at, kind`,
    [requestId],
  );

/** A person whose money is just what one attempt can cost. */
async function personWith(amount: string): Promise<string> {
  const userId = await gateway.user('analyst');
  const made = await gateway.api('POST', '/api/budgets', gateway.token(await gateway.user('admin')), {
    name: `budget of ${userId}`,
    scope: { type: 'USER', id: userId },
    limits: [{ period: 'LIFETIME', amount }],
  });
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
  return gateway.key(userId);
}

describe('no attempt without a permit and a covered hold', () => {
  it('an attempt that cannot have been billed needs no more money for the next one', async () => {
    first.next(answerStatus(500, {}));
    const key = await personWith('100');
    const { aip } = (await chat(key)).json<Answered>();
    expect(aip.attempts.map(({ outcome }) => outcome)).toEqual(['http_error', 'ok']);
    expect((await entries(aip.requestId)).map(({ reason }) => reason).sort()).toEqual(['reserve', 'settle']);
  });

  it('one that may have been billed is covered beside the next one, and all of it is given back', async () => {
    first.next(stallAfter(0));
    const key = await personWith('100');
    const { aip } = (await chat(key)).json<Answered>();
    expect(aip.attempts.map(({ outcome }) => outcome)).toEqual(['ttft_timeout', 'ok']);
    expect(Number(aip.attempts[0]?.cost.amount)).toBeGreaterThan(0);
    const ledger = await entries(aip.requestId);
    expect(ledger.map(({ kind, reason }) => `${kind} ${reason}`).sort()).toEqual([
      'EXTEND attempt',
      'HOLD reserve',
      'SETTLE settle',
    ]);
    const extended = ledger.find(({ kind }) => kind === 'EXTEND');
    expect(Number(extended?.held)).toBeCloseTo(Number(aip.attempts[0]?.cost.amount), 9);
    expect(ledger.reduce((total, { held }) => total + Number(held), 0)).toBeCloseTo(0, 9);
  });

  it('no attempt follows when no budget has room for it', async () => {
    const { aip } = (await chat(await personWith('100'))).json<Answered>();
    const key = await personWith(aip.reserved.amount);
    first.next(stallAfter(0));
    const before = second.seen.length;
    const refused = await chat(key);
    expect(refused.status).toBe(504);
    const { error } = refused.json<{ error: { code: string; aip: { rejected: readonly { reason: string }[] } } }>();
    expect(error).toMatchObject({ code: 'upstream_timeout', aip: { rejected: [{ reason: 'budget' }] } });
    expect(second.seen).toHaveLength(before);
  });
});

describe('once a streamed answer runs', () => {
  const streamed = async (): Promise<readonly { kind: string; held: string; hold: string }[]> => {
    const answer = await chat(await personWith('100'), { models: ['dear'], stream: true });
    expect([answer.status, answer.text.trim().endsWith('data: [DONE]')]).toEqual([200, true]);
    return rows(
      gateway.databaseUrl,
      `SELECT l.kind, l.held_delta[1]::text AS held, h.amount::text AS hold FROM ledger_entry l JOIN hold h ON h.id = l.hold_id
        WHERE l.request_id = $1 ORDER BY l.at, l.kind`,
      [String(answer.headers['x-request-id'])],
    );
  };

  it('what only a dearer candidate could have cost is given back', async () => {
    const shrunk = (): Promise<readonly unknown[]> =>
      rows(gateway.databaseUrl, `SELECT id FROM ledger_entry WHERE kind = 'SHRINK'`);
    first.next(async (_request, response) => {
      const [role = '', word = '', ...rest] = chatEvents();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(role + word);
      await until('the hold is lowered', async () => ((await shrunk()).length > 0 ? true : undefined));
      response.end(rest.join(''));
    });
    const ledger = await streamed();
    expect(ledger.map(({ kind }) => kind)).toEqual(['HOLD', 'SHRINK', 'SETTLE']);
    const [held = 0n, given = 0n, ended = 0n] = ledger.map((entry) => parseAmount(entry.held));
    // Held for the dearer one, which costs three times as much: two thirds come back.
    expect(3n * given).toBe(-2n * held);
    expect(held + given + ended).toBe(0n);
    expect(parseAmount(ledger[0]?.hold ?? '')).toBe(held + given);
  });

  it('that is short costs no flush more', async () => {
    expect((await streamed()).map(({ kind }) => kind)).toEqual(['HOLD', 'SETTLE']);
  });
});

it('holds the prompt once per choice where choices are requests of their own', async () => {
  const key = await personWith('100');
  const heldFor = async (n: number): Promise<bigint> => {
    const refusal = answerStatus(400, { type: 'error', error: { type: 'invalid_request_error', message: 'no' } });
    second.next(refusal, refusal, refusal);
    const answer = await chat(key, { model: 'single', models: [], n });
    expect(answer.status).toBe(400);
    const [hold] = await rows<{ amount: string }>(
      gateway.databaseUrl,
      `SELECT amount::text FROM hold WHERE request_id = $1`,
      [String(answer.headers['x-request-id'])],
    );
    return BigInt((hold?.amount ?? '').replace('.', ''));
  };
  const once = await heldFor(1);
  // The request that asks for three is a few bytes longer, and so is its bound.
  const three = await heldFor(3);
  expect(three).toBeGreaterThanOrEqual(3n * once);
  expect(three).toBeLessThan((3n * once * 12n) / 10n);
});

describe('a hold never outlives its call', () => {
  it('gives back what was held a moment after its call had ended', async () => {
    const key = await personWith('1000');
    const { requestId } = (await chat(key)).json<Answered>().aip;
    await rows(
      gateway.databaseUrl,
      `INSERT INTO hold (id, org_id, request_id, state, currency, amount, balance_ids, amounts, plan, opened_at, expires_at)
       SELECT gen_random_uuid(), org_id, request_id, 'held', currency, 0, '{}', '{}', '[]', now() - interval '2 minutes',
              now() - interval '1 minute' FROM hold WHERE request_id = $1 LIMIT 1`,
      [requestId],
    );
    const open = (): Promise<readonly unknown[]> =>
      rows(gateway.databaseUrl, `SELECT id FROM hold WHERE request_id = $1 AND state = 'held'`, [requestId]);
    for (let waited = 0; waited < 100 && (await open()).length > 0; waited += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await open()).toEqual([]);
    expect((await entries(requestId)).map(({ kind }) => kind)).toContain('EXPIRE');
  });
});
