import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';

import { GatewayApp } from '../support/gateway-app.js';
import { inFlight, until } from '../support/in-flight.js';
import { row, rows } from '../support/rows.js';
import { chatEvents, ScriptedUpstream } from '../support/scripted-upstream.js';
import { runCommand, ServedProcess } from '../support/served-process.js';

const PARALLEL = 100;
const MAX_REQUESTS = 20_000;
const ANSWER_MS = 50;
const dataDir = mkdtempSync(path.join(tmpdir(), 'aip-kill-'));

const partner = new ScriptedUpstream(async (_request, response) => {
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS / 2));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const [first, ...rest] = chatEvents();
  response.write(first);
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS / 2));
  response.end(rest.join(''));
});
let gateway: GatewayApp;
let environment: Readonly<Record<string, string>>;
let key: string;
let running: ServedProcess | undefined;

beforeAll(async () => {
  await partner.start();
  gateway = await GatewayApp.start({ AIP_DATA_DIR: dataDir });
  await gateway.provider({ name: 'partner', baseUrl: partner.url, model: 'm', prices: { input: '1', output: '2' } });
  const admin = gateway.token(await gateway.user('admin'));
  const budget = await gateway.api('POST', '/api/budgets', admin, {
    name: 'Everything',
    scope: { type: 'ORGANISATION', id: gateway.orgId },
    limits: [
      { period: 'DAY', amount: '1000' },
      { period: 'LIFETIME', amount: '5000' },
    ],
  });
  expect([budget.status, budget.text]).toEqual([201, expect.any(String)]);
  key = await gateway.key(await gateway.user('analyst'));
  await gateway.close();
  environment = {
    DATABASE_URL: gateway.databaseUrl,
    AIP_DATA_DIR: dataDir,
    AIP_DEMO: '0',
    AIP_PROVIDER_ALLOW_CIDRS: '127.0.0.1/32',
  };
}, 60_000);

afterAll(async () => {
  await running?.kill();
  await gateway.stop();
  await partner.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** A chat call to the served process; resolves to status and body. */
async function chat(url: string, body: Readonly<Record<string, unknown>> = {}): Promise<readonly [number, string]> {
  const answer = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'm', max_tokens: 16, messages: [{ role: 'user', content: 'Hello' }], ...body }),
  });
  return [answer.statusCode, await answer.body.text()];
}

/** Calls until `mayGoOn` says no; a broken connection ends one call, not the load. Resolves to the statuses seen. */
async function load(url: string, mayGoOn: () => boolean): Promise<readonly number[]> {
  const seen: number[] = [];
  await inFlight(MAX_REQUESTS, PARALLEL, async (index) => {
    if (!mayGoOn()) return;
    try {
      const [status] = await chat(url, { stream: index % 2 === 0 });
      seen.push(status);
    } catch {
      // Its process was killed.
    }
  });
  return seen;
}

function openIntents(): Promise<number> {
  return row<{ n: number }>(gateway.databaseUrl, 'SELECT count(*)::int AS n FROM audit_open_intent').then(({ n }) => n);
}

/** The ids of all requests whose bytes reached the partner: `x-request-id: <request>/<attempt>`. */
function requestsThatLeft(): readonly string[] {
  return [...new Set(partner.seen.map(({ headers }) => String(headers['x-request-id']).replace(/\/\d+$/, '')))];
}

/** What must hold of a database whose calls have all ended. */
async function expectAllAccountedFor(): Promise<void> {
  const left = requestsThatLeft();
  const known = await rows<{ request_id: string }>(
    gateway.databaseUrl,
    'SELECT request_id FROM generation WHERE request_id = ANY($1)',
    [left],
  );
  expect(known).toHaveLength(left.length);
  const sums = await row(
    gateway.databaseUrl,
    `SELECT (SELECT count(*)::int FROM hold WHERE state = 'held') AS holds,
            (SELECT count(*)::int FROM open_call) AS calls,
            (SELECT count(*)::int FROM budget_balance WHERE held <> 0) AS holding,
            (SELECT count(*)::int FROM ledger_entry l WHERE kind IN ('SETTLE', 'RELEASE', 'EXPIRE')
              GROUP BY request_id HAVING count(*) > 1 LIMIT 1) AS twice,
            (SELECT count(*)::int FROM budget_balance WHERE posted <>
              (SELECT sum(cost) FROM usage_record)) AS unequal`,
  );
  expect(sums).toEqual({ holds: 0, calls: 0, holding: 0, twice: null, unequal: 0 });
  for (const command of [
    ['audit', 'verify', '--live'],
    ['ledger', 'check'],
  ]) {
    const { code, output } = await runCommand(command, environment);
    expect([code, output]).toEqual([0, expect.any(String)]);
  }
}

describe('kill -9 under load', () => {
  it.each([120, 250, 500])(
    'leaves nothing unaccounted for after a restart (killed at the %dth request)',
    async (requests) => {
      running = await ServedProcess.start(environment);
      const before = partner.seen.length;
      let alive = true;
      const calls = load(running.url, () => alive);
      await until('the partner is busy', () => (partner.seen.length - before >= requests ? true : undefined), 60_000);
      alive = false;
      await running.kill();
      const statuses = await calls;
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect(await openIntents()).toBeGreaterThan(0);

      running = await ServedProcess.start(environment);
      await until('no open intent', async () => ((await openIntents()) === 0 ? true : undefined), 30_000);
      expect((await chat(running.url))[0]).toBe(200);
      await until('the last call settled', async () => ((await openIntents()) === 0 ? true : undefined));
      await expectAllAccountedFor();
      const unknown = await row<{ n: number }>(
        gateway.databaseUrl,
        `SELECT count(*)::int AS n FROM generation WHERE status = 'unknown'`,
      );
      expect(unknown.n).toBeGreaterThan(0);
      expect(await running.terminate()).toBe(0);
    },
    300_000,
  );
});

describe('SIGTERM in the middle of streams', () => {
  it('lets them finish, exits with 0 and leaves nothing held', async () => {
    running = await ServedProcess.start(environment);
    const { url } = running;
    const script = async (_request: unknown, response: ServerResponse): Promise<void> => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of chatEvents(Array.from({ length: 20 }, (_, n) => `word${String(n)} `))) {
        response.write(event);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      response.end();
    };
    partner.next(...Array.from({ length: 5 }, () => script));
    const before = partner.seen.length;
    const streams = Array.from({ length: 5 }, () => chat(url, { stream: true, max_tokens: 200 }));
    await until('all streams run', () => (partner.seen.length - before === 5 ? true : undefined));
    const ended = running.terminate();
    for (const [status, text] of await Promise.all(streams)) {
      expect(status).toBe(200);
      expect(text.trim().endsWith('data: [DONE]')).toBe(true);
    }
    expect(await ended).toBe(0);
    expect(await openIntents()).toBe(0);
    await expectAllAccountedFor();
  }, 120_000);
});
