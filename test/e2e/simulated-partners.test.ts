import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';

import { LiveVerifier } from '../../src/audit/index.js';
import { BudgetsService } from '../../src/budgets/index.js';
import { DemoFile } from '../../src/demo/demo-file.js';
import { IdentityService } from '../../src/identity/index.js';
import { SystemClock } from '../../src/platform/clock/index.js';
import { loadConfig } from '../../src/platform/config/index.js';
import { createLogger } from '../../src/platform/logging/index.js';
import { serve, type Replica } from '../../src/serve.js';
import { recordsOf } from '../support/audit-records.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

interface Explained {
  readonly status: string;
  readonly aip: {
    readonly attempts: readonly { readonly n: number; readonly provider: string; readonly outcome: string }[];
  };
}

const dataDir = mkdtempSync(path.join(tmpdir(), 'aip-demo-'));
let database: TestDatabase;
let replica: Replica;
let key: string;
let operator: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const environment = {
    DATABASE_URL: database.url,
    AIP_DATA_DIR: dataDir,
    AIP_PORT: '0',
    AIP_DEMO: '1',
    AIP_SIM_SEED: '7',
  };
  replica = await serve(loadConfig(environment, 'test'), createLogger('silent', new SystemClock()));
  const demo = new DemoFile(dataDir);
  key = demo.read('DEMO_KEY') ?? '';
  operator = replica.app
    .get(IdentityService)
    .mintToken({ userId: demo.read('DEMO_ADMIN') ?? '', ttlSeconds: 900 }).token;
}, 180_000);

afterAll(async () => {
  await replica.stop();
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

afterEach(async () => {
  await ask('DELETE', '/api/simulation/faults/sim-economy', operator);
});

async function ask(method: 'GET' | 'POST' | 'DELETE', target: string, bearer: string, body?: unknown): Promise<Answer> {
  const answer = await request(`${replica.url}${target}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

async function breakEconomy(fault: string): Promise<void> {
  const set = await ask('POST', '/api/simulation/faults', operator, {
    provider: 'sim-economy',
    fault,
    seconds: 60,
  });
  expect([set.status, set.text]).toEqual([201, expect.stringContaining(fault)]);
}

/** Holds what must be known of a call whose first partner failed and whose second answered. */
async function expectTwoAttempts(answer: Answer): Promise<void> {
  const served = String(answer.headers['aip-provider']);
  expect(served).not.toBe('sim-economy');
  expect(answer.headers['aip-attempts']).toBe('2');
  expect(String(answer.headers['aip-failover'])).toMatch(/^sim-economy;reason=\S+$/);
  const requestId = String(answer.headers['x-request-id']);
  const explained = await ask('GET', `/v1/generations/${requestId}`, key);
  expect([explained.status, explained.text]).toEqual([200, expect.any(String)]);
  const { aip, status } = JSON.parse(explained.text) as Explained;
  expect(status).toBe('ok');
  expect(aip.attempts.map(({ n, provider }) => [n, provider])).toEqual([
    [1, 'sim-economy'],
    [2, served],
  ]);
  const records = await recordsOf(database.url, requestId);
  expect(records.map(({ type }) => type).sort()).toEqual([
    'ai.attempt',
    'ai.attempt',
    'ai.request.intent',
    'ai.request.outcome',
  ]);
}

const chatBody = { model: 'auto', max_tokens: 64, messages: [{ role: 'user', content: 'Name three rivers.' }] };

describe('an outage of the cheapest partner', () => {
  // Three failures in a row open the breaker, so these are all that reach the partner.
  it.each(['outage', 'dns', 'tls'])('by %s is answered by another, and both attempts are on record', async (fault) => {
    await breakEconomy(fault);
    const answer = await ask('POST', '/v1/chat/completions', key, chatBody);
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    await expectTwoAttempts(answer);
  });

  it('is bridged for embeddings by the other partner with the same model', async () => {
    await breakEconomy('http:500');
    const answer = await ask('POST', '/v1/embeddings', key, { model: 'sim-embed', input: 'Name three rivers.' });
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    expect(answer.headers['aip-provider']).toBe('sim-realtime');
    expect(answer.headers['aip-simulated']).toBe('true');
  });
});

describe('faults over REST', () => {
  it('are listed while they hold and gone when cleared', async () => {
    await breakEconomy('throttle');
    expect((await ask('GET', '/api/simulation/faults', operator)).text).toContain('"fault":"throttle"');
    const cleared = await ask('DELETE', '/api/simulation/faults/sim-economy', operator);
    expect([cleared.status, cleared.text]).toEqual([200, '{"cleared":1}']);
    expect((await ask('GET', '/api/simulation/faults', operator)).text).toBe('{"data":[]}');
    await breakEconomy('drip');
    expect((await ask('DELETE', '/api/simulation/faults', operator)).text).toBe('{"cleared":1}');
    expect((await ask('DELETE', '/api/simulation/faults', operator)).text).toBe('{"cleared":0}');
  });

  it('403 without system:write, 404 for a partner nobody knows, 400 for a fault nobody knows', async () => {
    const fault = { provider: 'sim-economy', fault: 'outage' };
    expect((await ask('POST', '/api/simulation/faults', key, fault)).status).toBe(403);
    const other = await ask('POST', '/api/simulation/faults', operator, { ...fault, provider: 'nobody' });
    expect([other.status, other.text]).toEqual([404, expect.stringContaining('sim-economy')]);
    const strange = await ask('POST', '/api/simulation/faults', operator, { ...fault, fault: 'flood' });
    expect([strange.status, strange.text]).toEqual([400, expect.stringContaining('outage')]);
  });
});

describe('after all that', () => {
  it('ledger and evidence are clean', async () => {
    expect(await replica.app.get(BudgetsService).checkLedger()).toEqual([]);
    expect((await replica.app.get(LiveVerifier).verify()).findings).toEqual([]);
  });
});
