import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { formatAmount, parseAmount, picoUsd } from '../../src/platform/money/index.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { inFlight } from '../support/in-flight.js';
import { row } from '../support/rows.js';
import { chatEvents, ScriptedUpstream } from '../support/scripted-upstream.js';

interface Refusal {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly aip: { readonly limit: { readonly name: string; readonly level: string; readonly metric: string } };
  };
}

/** 12 × 1/1M + 5 × 2/1M, what every answer of the scripted partner costs. */
const ANSWER_COST = parseAmount('0.000022000000');
const FITTING_ANSWERS = 100n;
const REQUESTS = 1_000;
const PARALLEL = 100;

let gateway: GatewayApp;
const partner = new ScriptedUpstream(async (_request, response) => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(chatEvents().join(''));
});

beforeAll(async () => {
  await partner.start();
  gateway = await GatewayApp.start();
  await gateway.provider({ name: 'partner', baseUrl: partner.url, model: 'm', prices: { input: '1', output: '2' } });
});

afterAll(async () => {
  await gateway.stop();
  await partner.stop();
});

/** A HARD budget over one person, whose key is returned. */
async function personWithBudget(
  name: string,
  amount: string,
): Promise<{ key: string; userId: string; budget: string }> {
  const userId = await gateway.user('analyst');
  const made = await gateway.api<{ id: string }>('POST', '/api/budgets', gateway.token(await gateway.user('admin')), {
    name,
    scope: { type: 'USER', id: userId },
    limits: [{ period: 'LIFETIME', amount }],
  });
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
  return { key: await gateway.key(userId), userId, budget: made.json().id };
}

function refusalsOf(answers: readonly HttpAnswer[]): readonly (readonly [number, Refusal['error']])[] {
  return answers.filter(({ status }) => status !== 200).map((answer) => [answer.status, answer.json<Refusal>().error]);
}

interface Balance {
  readonly limit_amount: string;
  readonly posted: string;
  readonly held: string;
  readonly peak: string;
  readonly overrun: string;
}

function balanceOf(budget: string): Promise<Balance> {
  return row<Balance>(
    gateway.databaseUrl,
    `SELECT b.limit_amount, b.posted, b.held, b.peak, b.overrun
       FROM budget_balance b JOIN budget_limit l ON l.id = b.limit_id WHERE l.budget_id = $1`,
    [budget],
  );
}

describe('a thousand parallel requests on a HARD budget for a hundred', () => {
  let answers: readonly HttpAnswer[];
  let budget: string;
  let userId: string;
  const limit = formatAmount(picoUsd(ANSWER_COST * FITTING_ANSWERS));

  beforeAll(async () => {
    const person = await personWithBudget('Race', limit);
    ({ budget, userId } = person);
    answers = await inFlight(REQUESTS, PARALLEL, () => gateway.chat(person.key, { max_tokens: 5 }));
  }, 120_000);

  it('answers 200, 402 or 429 and nothing else, and each refusal names the budget', () => {
    for (const [status, error] of refusalsOf(answers)) {
      expect([status, error.code]).toEqual(status === 402 ? [402, 'budget_exceeded'] : [429, 'budget_contended']);
      expect(error.message).toContain('"Race"');
      expect(error.aip.limit).toMatchObject({ name: 'Race', level: 'USER', metric: 'COST' });
    }
    expect(answers.some(({ status }) => status === 402)).toBe(true);
  });

  it('uses the budget up to less than one worst case and never beyond, at no commit', async () => {
    const balance = await balanceOf(budget);
    expect(balance).toMatchObject({ limit_amount: limit, held: '0.000000000000', overrun: '0.000000000000' });
    const [posted, peak] = [parseAmount(balance.posted), parseAmount(balance.peak)];
    expect(posted <= parseAmount(limit)).toBe(true);
    expect(peak <= parseAmount(limit)).toBe(true);
    const served = BigInt(answers.filter(({ status }) => status === 200).length);
    expect(posted).toBe(served * ANSWER_COST);
    // The worst case of one call is below two answers: the rest that stays is smaller than that.
    expect(served).toBeGreaterThanOrEqual(FITTING_ANSWERS - 2n);
    expect(BigInt(partner.seen.length)).toBe(served);
  });

  it('charges the same in usage, ledger and balance, to the last digit', async () => {
    const { posted } = await balanceOf(budget);
    const sums = await row<{ used: string; settled: string }>(
      gateway.databaseUrl,
      `SELECT (SELECT sum(cost)::text FROM usage_record WHERE user_id = $1) AS used,
              (SELECT sum(amount)::text FROM ledger_entry WHERE kind = 'SETTLE' AND request_id IN
                (SELECT request_id FROM usage_record WHERE user_id = $1)) AS settled`,
      [userId],
    );
    expect(sums).toEqual({ used: posted, settled: posted });
    expect(await gateway.ledger()).toEqual([]);
    expect((await gateway.verify()).findings).toEqual([]);
  });
});

describe('at zero spend', () => {
  it('parallel holds never cause 402', async () => {
    // Each ask holds about 0.008; three fit at a time. Even 500 answers leave room for one of them, so money is never the reason.
    const { key, budget } = await personWithBudget('Small', '0.026');
    partner.seen.length = 0;
    const answers = await inFlight(500, 500, () => gateway.chat(key, { max_tokens: 4_000 }));
    for (const [status, error] of refusalsOf(answers)) {
      expect([status, error.code]).toEqual([429, 'budget_contended']);
      expect(error.message).toContain('"Small"');
    }
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    const { peak, held } = await balanceOf(budget);
    expect(parseAmount(peak) <= parseAmount('0.026')).toBe(true);
    expect(held).toBe('0.000000000000');
    expect(await gateway.ledger()).toEqual([]);
  }, 60_000);

  it('money already spent is a 402 at once', async () => {
    const { key } = await personWithBudget('Spent', '0.00004');
    expect((await gateway.chat(key, { max_tokens: 5 })).status).toBe(200);
    const refused = await gateway.chat(key, { max_tokens: 5 });
    expect([refused.status, refused.json<Refusal>().error.code]).toEqual([402, 'budget_exceeded']);
  });
});
