import { hash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';

import { formatAmount, parseAmount, sum } from '../../src/platform/money/index.js';
import { checkFocus, publishedColumns, readFocus } from '../support/focus-check.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { rows } from '../support/rows.js';
import { answerChat, ScriptedUpstream } from '../support/scripted-upstream.js';

interface Report {
  readonly id: string;
  readonly state: string;
  readonly content: string | null;
  readonly manifest: { readonly files: readonly { readonly sha256: string }[] } | null;
}

const CALLS = 6;
const partner = new ScriptedUpstream();
const now = performance.timeOrigin + performance.now();
const day = (offset: number): string => new Date(now + offset * 86_400_000).toISOString().slice(0, 10);
let gateway: GatewayApp;
let admin: string;
let auditor: string;
let analyst: string;

/** A call of the REST API with a token. */
async function api<T = Record<string, unknown>>(
  token: string,
  call: {
    readonly path: string;
    readonly method?: 'GET' | 'POST' | 'PUT';
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  },
): Promise<HttpAnswer<T>> {
  const { path, method = 'GET', body, headers = {} } = call;
  const answer = await request(`${gateway.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.body.text();
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the test says what it expects
  return { status: answer.statusCode, headers: answer.headers, text, json: <U = T>() => JSON.parse(text) as U };
}

async function made(kind: string, body: object): Promise<Report> {
  const headers = { 'idempotency-key': `${kind}-${String(JSON.stringify(body).length)}` };
  const ordered = await api<Report>(admin, { path: `/api/reports/${kind}`, method: 'POST', body, headers });
  expect([ordered.status, ordered.headers['location']]).toEqual([202, `/api/reports/${ordered.json().id}`]);
  for (;;) {
    const report = (await api<Report>(admin, { path: `/api/reports/${ordered.json().id}` })).json();
    if (report.state === 'DONE' || report.state === 'FAILED') return report;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
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
  await gateway.investigation('OP-ONE');
  admin = gateway.token(await gateway.user('admin'));
  auditor = gateway.token(await gateway.user('admin'));
  const person = await gateway.user('analyst');
  analyst = gateway.token(person);
  const key = await gateway.key(person);
  for (let index = 0; index < CALLS; index += 1) {
    const usage = { prompt_tokens: 101 + index * 37, completion_tokens: 7 + index, total_tokens: 108 + index * 38 };
    partner.next(answerChat(undefined, usage));
    const headers = index % 2 === 0 ? { 'AIP-Investigation': 'OP-ONE' } : {};
    expect((await gateway.chat(key, { model: 'm' }, headers)).status).toBe(200);
  }
}, 60_000);
afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  await gateway.stop();
  await partner.stop();
});

describe('reports over REST', () => {
  it('a FOCUS file is ordered, made and downloaded; it sums to the ledger and keeps the rules', async () => {
    const report = await made('focus', { from: day(-1), to: day(2), period: 'hour' });
    expect(report.state).toBe('DONE');
    const file = await api(admin, { path: report.content ?? '' });
    expect(file.headers['content-type']).toContain('text/csv');
    expect(hash('sha256', file.text, 'hex')).toBe(report.manifest?.files[0]?.sha256);
    const focus = readFocus(file.text);
    const [ledger] = await rows<{ amount: string }>(
      gateway.databaseUrl,
      `SELECT sum(amount)::text AS amount FROM ledger_entry WHERE kind = 'SETTLE'`,
    );
    expect(formatAmount(sum(focus.records.map((record) => parseAmount(record['BilledCost'] ?? ''))))).toBe(
      ledger?.amount,
    );
    expect(checkFocus(focus, publishedColumns() ?? [])).toEqual([]);
    const names = focus.records.map(({ SubAccountName, ServiceName }) => [SubAccountName, ServiceName]);
    expect(names).toContainEqual(['OP-ONE', 'Chat Completions']);
    const rest = await api(admin, { path: report.content ?? '', headers: { range: 'bytes=100-' } });
    expect([rest.status, rest.text]).toEqual([206, file.text.slice(100)]);
    expect(rest.headers['content-range']).toBe(`bytes 100-${String(file.text.length - 1)}/${String(file.text.length)}`);
  });

  it('orders need a key, a permission and whole months where they are whole months', async () => {
    const order = (token: string, kind: string, headers = {}): Promise<HttpAnswer> =>
      api(token, { path: `/api/reports/${kind}`, method: 'POST', body: { from: day(-1), to: day(1) }, headers });
    expect((await order(admin, 'usage')).json()).toMatchObject({ code: 'precondition_required' });
    expect((await order(analyst, 'usage', { 'idempotency-key': 'a' })).status).toBe(403);
    const odd = {
      path: '/api/reports/chargeback',
      method: 'POST',
      body: { from: '2026-11-02', to: '2026-12-01' },
    } as const;
    expect((await api(admin, { ...odd, headers: { 'idempotency-key': 'c' } })).json()).toMatchObject({
      code: 'invalid_value',
    });
  });

  it('usage and costs say what GraphQL says', async () => {
    const range = `from=${day(-1)}T00:00:00Z&to=${day(2)}T00:00:00Z`;
    const usage = await api<{ points: { requests: number }[] }>(admin, {
      path: `/api/usage?${range}&granularity=TOTAL`,
    });
    expect(usage.json().points).toMatchObject([{ requests: CALLS, cost: { currency: 'USD' } }]);
    const costs = await api<{ data: unknown[]; next: string | null }>(admin, {
      path: `/api/usage/costs?${range}&by=INVESTIGATION,USER&limit=1`,
    });
    expect(costs.json().data).toHaveLength(1);
    const next = await api<{ data: unknown[] }>(admin, {
      path: `/api/usage/costs?${range}&by=INVESTIGATION,USER&limit=1&cursor=${costs.json().next ?? ''}`,
    });
    expect(next.json().data).not.toEqual(costs.json().data);
    const own = await api(analyst, { path: `/api/usage/costs?${range}&by=USER` });
    expect(own.status).toBe(200);
    expect((await api(admin, { path: `/api/usage/costs?${range}&by=NAME` })).status).toBe(400);
  });
});

describe('statements, invoices and reconciliations over REST', () => {
  it('a draft has lines that sum to it', async () => {
    const month = day(0).slice(0, 7);
    const draft = await api<{ id: string; total: { amount: string } }>(admin, {
      path: '/api/statements',
      method: 'POST',
      body: { month },
    });
    expect(draft.status).toBe(201);
    const { data } = (
      await api<{ data: { cost: { amount: string } }[] }>(admin, { path: `/api/statements/${draft.json().id}/lines` })
    ).json();
    expect(formatAmount(sum(data.map(({ cost }) => parseAmount(cost.amount))))).toBe(draft.json().total.amount);
    const final = { path: '/api/statements', method: 'POST', body: { month, state: 'FINAL' } } as const;
    expect((await api(admin, final)).json()).toMatchObject({ code: 'conflict' });
  });

  it('an invoice is imported, compared, proposed by one person and posted by another', async () => {
    const csv = `day,model,amount\r\n${day(0)},partner-model,0.5\r\n`;
    const body = { provider: 'partner', number: 'R-1', currency: 'USD', from: day(0), to: day(0), csv };
    const invoice = (await api<{ id: string }>(admin, { path: '/api/invoices', method: 'POST', body })).json();
    const compared = await api<{ id: string; variance: string }>(admin, {
      path: '/api/reconciliations',
      method: 'POST',
      body: { invoiceId: invoice.id },
    });
    const at = `/api/reconciliations/${compared.json().id}`;
    const cells = (await api<{ data: object[] }>(admin, { path: `${at}/cells` })).json().data;
    expect(cells).toMatchObject([{ verdict: 'OVER', meter: null, theirs: '0.500000000000' }]);
    const propose = {
      path: `${at}/propose`,
      method: 'POST',
      body: { reason: 'The partner counted the prompts differently' },
    } as const;
    expect((await api(admin, { ...propose, headers: { 'if-match': '"1"' } })).json()).toMatchObject({
      state: 'PROPOSED',
    });
    expect((await api(admin, { path: `${at}/post`, method: 'POST' })).json()).toMatchObject({
      code: 'four_eyes_required',
    });
    const posted = await api(auditor, { path: `${at}/post`, method: 'POST' });
    expect(posted.json()).toMatchObject({ state: 'POSTED', postedAmount: compared.json().variance });
  });

  it('cost centres are assigned', async () => {
    const body = { assignments: [{ kind: 'TEAM', id: gateway.teamId, costCentre: 'CC-7' }] };
    const put = await api<{ data: unknown[] }>(admin, { path: '/api/cost-centres', method: 'PUT', body });
    expect(put.json().data).toEqual([{ kind: 'TEAM', id: gateway.teamId, costCentre: 'CC-7' }]);
    expect((await api(analyst, { path: '/api/cost-centres', method: 'PUT', body })).status).toBe(403);
  });
});
