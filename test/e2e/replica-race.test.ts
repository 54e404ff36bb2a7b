import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, request } from 'undici';

import { formatAmount, parseAmount, picoUsd } from '../../src/platform/money/index.js';
import { GatewayApp } from '../support/gateway-app.js';
import { inFlight, until } from '../support/in-flight.js';
import { row, rows } from '../support/rows.js';
import { chatEvents, ScriptedUpstream } from '../support/scripted-upstream.js';
import { runCommand, ServedProcess } from '../support/served-process.js';

const PROCESSES = 3;
/** Requests of each process, all at once. */
const PARALLEL = 1_000;
const ANSWER_MS = 40;
/** 12 × 1/1M + 5 × 2/1M, what every answer of the scripted partner costs. */
const ANSWER_COST = parseAmount('0.000022000000');
const ANSWERS_THAT_FIT = 1_500n;
const ALLOWED = new Map([
  [200, null],
  [402, 'budget_exceeded'],
  [429, 'budget_contended'],
  [503, 'capacity_shed'],
]);
const dataDir = mkdtempSync(path.join(tmpdir(), 'aip-replicas-'));
const agent = new Agent({ connections: PARALLEL, pipelining: 1, headersTimeout: 120_000, bodyTimeout: 120_000 });

const partner = new ScriptedUpstream(async (_request, response) => {
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(chatEvents().join(''));
});
let gateway: GatewayApp;
let environment: Readonly<Record<string, string>>;
const replicas: ServedProcess[] = [];

interface Person {
  readonly userId: string;
  readonly teamId: string;
  readonly key: string;
  readonly keyId: string;
}

let plain: Person;
let layered: Person;

async function personOf(): Promise<Person> {
  const userId = await gateway.user('analyst');
  const key = await gateway.key(userId);
  const found = await row<{ team_id: string; key_id: string }>(
    gateway.databaseUrl,
    `SELECT u.team_id, k.id AS key_id FROM app_user u JOIN virtual_key k ON k.user_id = u.id WHERE u.id = $1`,
    [userId],
  );
  return { userId, key, teamId: found.team_id, keyId: found.key_id };
}

async function budget(
  scope: { readonly type: string; readonly id: string },
  answers: bigint,
  periods: readonly string[],
): Promise<void> {
  const amount = formatAmount(picoUsd(ANSWER_COST * answers));
  const made = await gateway.api('POST', '/api/budgets', gateway.token(await gateway.user('admin')), {
    name: `${scope.type} ${scope.id} ${periods.join(' ')}`,
    scope,
    limits: periods.map((period) => ({ period, amount })),
  });
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
}

beforeAll(async () => {
  await partner.start();
  gateway = await GatewayApp.start({ AIP_DATA_DIR: dataDir });
  await gateway.provider({
    name: 'partner',
    baseUrl: partner.url,
    model: 'm',
    prices: { input: '1', output: '2' },
    // Four thousand calls at once take the time of the machine, not of the partner.
    deployment: { timers: { connectMs: 60_000, ttftMs: 120_000, idleMs: 120_000, totalMs: 300_000 } },
  });
  plain = await personOf();
  layered = await personOf();
  await budget({ type: 'USER', id: plain.userId }, ANSWERS_THAT_FIT, ['LIFETIME']);
  const windows = ['DAY', 'MONTH', 'LIFETIME'];
  await budget({ type: 'ORGANISATION', id: gateway.orgId }, 100_000n, windows);
  await budget({ type: 'TEAM', id: layered.teamId }, ANSWERS_THAT_FIT * 2n, windows);
  await budget({ type: 'USER', id: layered.userId }, ANSWERS_THAT_FIT, windows);
  await budget({ type: 'KEY', id: layered.keyId }, ANSWERS_THAT_FIT, windows);
  await gateway.close();
  environment = {
    DATABASE_URL: gateway.databaseUrl,
    AIP_DATA_DIR: dataDir,
    AIP_DEMO: '0',
    AIP_PROVIDER_ALLOW_CIDRS: '127.0.0.1/32',
    AIP_ALLOW_LOCAL_LIMITS: '1',
  };
  while (replicas.length < PROCESSES) replicas.push(await ServedProcess.start(environment));
}, 180_000);

afterAll(async () => {
  for (const replica of replicas) await replica.kill();
  await agent.close();
  await gateway.stop();
  await partner.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** `[status, code]` of as many calls as go at once; `undefined` where the process died meanwhile. */
function load(url: string, key: string): Promise<readonly (readonly [number, string | null] | undefined)[]> {
  return inFlight(PARALLEL, PARALLEL, async (index) => {
    try {
      const answer = await request(`${url}/v1/chat/completions`, {
        method: 'POST',
        dispatcher: agent,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({
          model: 'm',
          max_tokens: 5,
          stream: index % 2 === 0,
          messages: [{ role: 'user', content: 'Hello' }],
        }),
      });
      const text = await answer.body.text();
      if (answer.statusCode === 200) return [200, null];
      return [answer.statusCode, (JSON.parse(text) as { error: { code: string } }).error.code];
    } catch {
      return undefined;
    }
  });
}

/** Three processes under full load; two of them are killed in the middle and started again. */
async function race(key: string): Promise<ReadonlyMap<string, number>> {
  const before = partner.seen.length;
  const seen = (): number => partner.seen.length - before;
  const loads = replicas.map(({ url }) => load(url, key));
  for (const [place, after] of [200, 600].entries()) {
    await until('the partner is busy', () => (seen() >= after ? true : undefined), 120_000);
    await replicas[place]?.kill();
    const again = await ServedProcess.start(environment);
    replicas[place] = again;
    loads.push(load(again.url, key));
  }
  const counts = new Map<string, number>();
  for (const answer of (await Promise.all(loads)).flat()) {
    if (answer !== undefined) expect(answer[1]).toBe(ALLOWED.get(answer[0]));
    const name = answer === undefined ? 'lost' : String(answer[0]);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  await until(
    'every call has ended',
    async () =>
      (await row<{ n: number }>(gateway.databaseUrl, 'SELECT count(*)::int AS n FROM audit_open_intent')).n === 0 ||
      undefined,
    90_000,
  );
  return counts;
}

async function expectNeverAbove(): Promise<void> {
  const balances = await rows<{ limit_amount: string; posted: string; held: string; peak: string; overrun: string }>(
    gateway.databaseUrl,
    'SELECT limit_amount, posted, held, peak, overrun FROM budget_balance',
  );
  for (const { limit_amount: limit, posted, held, peak, overrun } of balances) {
    expect([held, overrun]).toEqual(['0.000000000000', '0.000000000000']);
    expect(parseAmount(peak)).toBeLessThanOrEqual(parseAmount(limit));
    expect(parseAmount(posted)).toBeLessThanOrEqual(parseAmount(limit));
  }
}

/** Each call that reached the partner has one usage record per attempt and one settlement, whoever wrote it. */
async function expectChargedOnce(): Promise<void> {
  const attempts = partner.seen.map(({ headers }) => String(headers['x-request-id']));
  expect(new Set(attempts).size).toBe(attempts.length);
  const ids = attempts.map((id) => id.replace(/\/\d+$/, ''));
  const charged = await rows<{ request_id: string; used: number; settled: number }>(
    gateway.databaseUrl,
    `SELECT request_id, (SELECT count(*)::int FROM usage_record u WHERE u.request_id = r.request_id) AS used,
            (SELECT count(*)::int FROM ledger_entry l WHERE l.request_id = r.request_id AND kind IN ('SETTLE', 'RELEASE', 'EXPIRE')) AS settled
       FROM unnest($1::uuid[]) AS r(request_id)`,
    [ids],
  );
  expect(charged.filter(({ used, settled }) => used !== 1 || settled !== 1)).toEqual([]);
  // What is charged without having been seen there was on its way when its process was killed.
  const unseen = await rows<{ outcome: string }>(
    gateway.databaseUrl,
    'SELECT DISTINCT outcome FROM usage_record WHERE request_id <> ALL($1::uuid[])',
    [ids],
  );
  expect(unseen.filter(({ outcome }) => outcome !== 'unknown')).toEqual([]);
}

async function expectCleanBooks(): Promise<void> {
  for (const command of [
    ['ledger', 'check'],
    ['audit', 'verify', '--live'],
  ]) {
    const { code, output } = await runCommand(command, environment);
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}:\n${output}`);
  }
}

describe.each([['one budget', () => plain, 1]] as const)(
  'three processes with a thousand parallel requests each on %s, killed in between',
  (_name, who, limits) => {
    let counts: ReadonlyMap<string, number>;
    beforeAll(async () => {
      counts = await race(who().key);
    }, 300_000);

    it('answer 200, 402, 429 or 503, and some calls are lost with their process', () => {
      expect(counts.get('200')).toBeGreaterThan(500);
      expect(counts.get('lost')).toBeGreaterThan(0);
      expect((counts.get('402') ?? 0) + (counts.get('429') ?? 0)).toBeGreaterThan(0);
    });

    it('HARD: posted + held ≤ limit at every commit, whatever was killed', async () => {
      await expectNeverAbove();
      const { n } = await row<{ n: number }>(
        gateway.databaseUrl,
        `SELECT max(cardinality(balance_ids))::int AS n FROM ledger_entry WHERE kind = 'HOLD'
          AND request_id IN (SELECT request_id FROM usage_record WHERE user_id = $1)`,
        [who().userId],
      );
      expect(n).toBeGreaterThanOrEqual(limits);
    });

    it('every call that reached the partner is charged once', expectChargedOnce);

    it('ledger and evidence are clean', expectCleanBooks, 120_000);
  },
);
