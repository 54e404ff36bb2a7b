import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { formatAmount, parseAmount, picoUsd } from '../../src/platform/money/index.js';
import { GatewayApp } from '../support/gateway-app.js';
import { askGraphql, expiredToken, type GraphqlAnswer } from '../support/graphql-client.js';
import { rows } from '../support/rows.js';
import { answerChat, ScriptedUpstream } from '../support/scripted-upstream.js';

type Variables = Readonly<Record<string, unknown>>;

const CASES = ['OP-ONE', 'OP-TWO'] as const;
const partner = new ScriptedUpstream();
const dear = new ScriptedUpstream();
let gateway: GatewayApp;
let admin: string;
let analyst: { id: string; token: string; key: string };
let colleague: { id: string; token: string; key: string };
let oneRequest: string;
const now = performance.timeOrigin + performance.now();
const filter = {
  from: new Date(now - 3_600_000).toISOString(),
  to: new Date(now + 3_600_000).toISOString(),
};

async function person(role: 'analyst' | 'lead' = 'analyst'): Promise<typeof analyst> {
  const id = await gateway.user(role);
  return { id, token: gateway.token(id), key: await gateway.key(id) };
}

beforeAll(async () => {
  await Promise.all([partner.start(), dear.start()]);
  gateway = await GatewayApp.start();
  await gateway.provider({
    name: 'partner',
    baseUrl: partner.url,
    model: 'm',
    prices: { input: '0.15', output: '0.6' },
  });
  await gateway.provider({ name: 'dear', baseUrl: dear.url, model: 'large', prices: { input: '3', output: '15' } });
  for (const name of CASES) await gateway.investigation(name);
  admin = gateway.token(await gateway.user('admin'));
  [analyst, colleague] = [await person(), await person()];
  // Odd counts and two prices: sums with digits in many places.
  for (const [index, { key }] of [analyst, colleague, analyst, colleague, analyst].entries()) {
    for (const model of ['m', 'large']) {
      const usage = { prompt_tokens: 101 + index * 37, completion_tokens: 7 + index, total_tokens: 108 + index * 38 };
      (model === 'm' ? partner : dear).next(answerChat(undefined, usage));
      const name = [...CASES, undefined][index % 3];
      const answer = await gateway.chat(key, { model }, name === undefined ? {} : { 'AIP-Investigation': name });
      expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
      oneRequest = String(answer.headers['x-request-id']);
    }
  }
}, 60_000);

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  await gateway.stop();
  await Promise.all([partner.stop(), dear.stop()]);
});

function ask<T = Record<string, never>>(
  token: string | undefined,
  query: string,
  variables: Variables = {},
): Promise<GraphqlAnswer<T>> {
  return askGraphql(gateway, token, query, variables);
}

/** The data of a document that must succeed. */
async function dataOf<T>(token: string, query: string, variables: Variables = {}): Promise<T> {
  const { data, errors } = await ask<T>(token, query, variables);
  expect(errors).toEqual([]);
  return data as T;
}

interface Attribution {
  readonly costAttribution: {
    readonly edges: readonly {
      readonly node: {
        readonly key: readonly {
          readonly dimension: string;
          readonly id: string | null;
          readonly label: string | null;
        }[];
        readonly share: number;
        readonly totals: { readonly cost: { readonly amount: string; readonly currency: string } };
      };
    }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const ATTRIBUTION = `query ($filter: UsageFilter!, $by: [UsageDimension!]!, $first: Int! = 100, $after: String) {
  costAttribution(filter: $filter, by: $by, first: $first, after: $after) {
    edges { node { key { dimension id label } share totals { requests cost { amount currency } } } }
    pageInfo { hasNextPage endCursor } } }`;

describe('costAttribution', () => {
  it.each([
    ['INVESTIGATION', 'investigation_id'],
    ['USER', 'user_id'],
    ['PROVIDER', 'provider'],
  ])('cost by %s sums to the ledger, to the last digit', async (dimension, column) => {
    const { costAttribution } = await dataOf<Attribution>(admin, ATTRIBUTION, { filter, by: [dimension] });
    const expected = await rows<{ id: string | null; cost: string }>(
      gateway.databaseUrl,
      `SELECT ${column}::text AS id, sum(cost)::text AS cost FROM usage_record GROUP BY 1`,
    );
    const got = new Map(costAttribution.edges.map(({ node }) => [node.key[0]?.id ?? null, node.totals.cost.amount]));
    expect(got).toEqual(new Map(expected.map(({ id, cost }) => [id, cost])));
    const total = [...got.values()].reduce((sum, amount) => sum + parseAmount(amount), 0n);
    const [settled] = await rows<{ amount: string }>(
      gateway.databaseUrl,
      `SELECT sum(amount)::text AS amount FROM ledger_entry WHERE kind = 'SETTLE'`,
    );
    expect(formatAmount(picoUsd(total))).toBe(settled?.amount);
  });

  it('pages through groups of two dimensions without losing one', async () => {
    const by = ['INVESTIGATION', 'USER'];
    const whole = await dataOf<Attribution>(admin, ATTRIBUTION, { filter, by });
    const paged: unknown[] = [];
    for (let after: string | null = null; ;) {
      const { costAttribution }: Attribution = await dataOf(admin, ATTRIBUTION, { filter, by, first: 2, after });
      paged.push(...costAttribution.edges);
      if (!costAttribution.pageInfo.hasNextPage) break;
      after = costAttribution.pageInfo.endCursor;
    }
    expect(paged).toEqual(whole.costAttribution.edges);
    expect(paged.length).toBeGreaterThan(3);
  });

  it('a caller sees only usage that their permission covers', async () => {
    const own = await dataOf<Attribution>(analyst.token, ATTRIBUTION, { filter, by: ['USER'] });
    expect(own.costAttribution.edges.map(({ node }) => node.key[0]?.id)).toEqual([analyst.id]);
    const query = `query ($id: ID!) { request(id: $id) { id } }`;
    expect((await ask(colleague.token, query, { id: oneRequest })).errors[0]?.extensions.code).toBe('not_found');
  });
});

describe('queries', () => {
  it('usage over time', async () => {
    const { usage } = await dataOf<{ usage: { currency: string; points: { totals: { requests: string } }[] } }>(
      admin,
      `query ($filter: UsageFilter!) { usage(filter: $filter, granularity: TOTAL) { currency truncated
         points { start totals { requests tokens { input output total } cost { amount } } } } }`,
      { filter },
    );
    expect(usage.currency).toBe('USD');
    expect(usage.points.map(({ totals }) => totals.requests)).toEqual(['10']);
  });

  it('budgets, quotas, rateLimits and capacity', async () => {
    const data = await dataOf<{
      budgets: { edges: unknown[] };
      quotas: unknown[];
      rateLimits: unknown[];
      capacity: { deployment: { provider: string }; state: string }[];
    }>(
      admin,
      `{ budgets { edges { node { id name version windows { posted held available state } } } pageInfo { hasNextPage } }
         quotas { id name limit } rateLimits { policy unit limit used remaining resetsAt }
         own: rateLimits(subject: null) { policy } none: budgets(filter: null, after: null) { edges { cursor } }
         capacity { deployment { provider model simulated } state breaker inFlight limits { unit remaining source } } }`,
    );
    expect(data.capacity.map(({ deployment }) => deployment.provider).sort()).toEqual(['dear', 'partner']);
    expect(data.capacity.every(({ state }) => state === 'enabled')).toBe(true);
  });

  it('one request, explained', async () => {
    const { request } = await dataOf<{ request: Record<string, unknown> }>(
      analyst.token,
      `query ($id: ID!) { request(id: $id) { id outcome provider attempts { n provider outcome cost { amount } }
         cost { amount currency } auditReceipt userId } }`,
      { id: oneRequest },
    );
    expect(request).toMatchObject({
      id: oneRequest,
      outcome: 'ok',
      provider: 'dear',
      userId: analyst.id,
      attempts: [{ n: 1, provider: 'dear' }],
      auditReceipt: [expect.any(String), expect.any(String)],
    });
  });
});

const PROBLEM = '... on Problem { code message requestId violations { field message } }';

describe('mutations', () => {
  it('createBudget, updateBudget and archiveBudget return the budget, or a Problem', async () => {
    const create = `mutation ($input: CreateBudgetInput!) { result: createBudget(input: $input) { __typename
      ... on Budget { id name version status windows { limit } } ${PROBLEM} } }`;
    const input = {
      name: 'By hand',
      scope: { type: 'USER', id: colleague.id },
      limits: [{ period: 'MONTH', amount: '12.5' }],
    };
    interface Result {
      readonly result: { __typename: string; id: string; version: number; code?: string; status?: string };
    }
    const { result: made } = await dataOf<Result>(admin, create, { input });
    expect(made).toMatchObject({ __typename: 'Budget', name: 'By hand', status: 'active' });
    const { result: wrong } = await dataOf<Result>(admin, create, {
      input: { ...input, name: 'Wrong', limits: [{ period: 'FORTNIGHT', amount: '1' }] },
    });
    expect(wrong).toMatchObject({ __typename: 'Problem', code: 'invalid_value' });

    const update = `mutation ($input: UpdateBudgetInput!) { result: updateBudget(input: $input) { __typename
      ... on Budget { id name version } ${PROBLEM} } }`;
    const { result: changed } = await dataOf<Result>(admin, update, {
      input: { id: made.id, version: made.version, name: 'Renamed' },
    });
    expect(changed).toMatchObject({ __typename: 'Budget', name: 'Renamed' });
    const { result: stale } = await dataOf<Result>(admin, update, {
      input: { id: made.id, version: made.version, name: 'Again' },
    });
    expect(stale).toMatchObject({ __typename: 'Problem', code: 'version_conflict' });

    const archive = `mutation ($id: String!, $version: Int!) { result: archiveBudget(id: $id, version: $version) {
      __typename ... on Budget { id status } ${PROBLEM} } }`;
    const { result: gone } = await dataOf<Result>(admin, archive, { id: made.id, version: changed.version });
    expect(gone).toMatchObject({ __typename: 'Budget', status: 'archived' });
  });

  it('setQuota and removeQuota', async () => {
    const set = `mutation ($input: SetQuotaInput!) { result: setQuota(input: $input) { __typename
      ... on Quota { id name version limit } ${PROBLEM} } }`;
    interface Result {
      readonly result: { __typename: string; id: string; version: number };
    }
    const input = {
      name: 'calls-a-minute',
      subject: { type: 'USER', id: colleague.id },
      metric: 'REQUESTS',
      limit: 1000,
      windowSeconds: 60,
    };
    const { result: made } = await dataOf<Result>(admin, set, { input });
    expect(made).toMatchObject({ __typename: 'Quota', name: 'calls-a-minute' });
    const { rateLimits } = await dataOf<{ rateLimits: { policy: string }[] }>(
      colleague.token,
      '{ rateLimits { policy unit limit remaining } }',
    );
    expect(rateLimits.map(({ policy }) => policy)).toContain('calls-a-minute');
    const { result: wrong } = await dataOf<Result>(admin, set, { input: { ...input, name: 'No Good' } });
    expect(wrong).toMatchObject({ __typename: 'Problem', code: 'invalid_value' });
    const remove = `mutation ($id: String!, $version: Int!) { result: removeQuota(id: $id, version: $version) {
      __typename ... on Removed { id } ${PROBLEM} } }`;
    const { result: gone } = await dataOf<Result>(admin, remove, { id: made.id, version: made.version });
    expect(gone).toMatchObject({ __typename: 'Removed', id: made.id });
  });

  it('createKey shows a secret once that works until revokeKey', async () => {
    interface Result {
      readonly result: { __typename: string; id: string; secret: string | null; revokedAt: string | null };
    }
    const { result: made } = await dataOf<Result>(
      admin,
      `mutation ($input: CreateKeyInput!) { result: createKey(input: $input) { __typename
         ... on VirtualKey { id secret revokedAt } ${PROBLEM} } }`,
      { input: { name: 'from graphql', userId: colleague.id } },
    );
    expect(made.__typename).toBe('VirtualKey');
    expect((await gateway.chat(made.secret ?? '')).status).toBe(200);
    const { result: revoked } = await dataOf<Result>(
      admin,
      `mutation ($id: String!) { result: revokeKey(id: $id) { __typename
         ... on VirtualKey { id secret revokedAt } ${PROBLEM} } }`,
      { id: made.id },
    );
    expect(revoked).toMatchObject({ id: made.id, secret: null, revokedAt: expect.any(String) });
    expect((await gateway.chat(made.secret ?? '')).status).toBe(401);
  });

  it('requestOverride is granted by an administrator for somebody else, and a Problem for a short reason', async () => {
    const mutation = `mutation ($input: OverrideInput!) { result: requestOverride(input: $input) { __typename
      ... on Override { id state requestedBy } ${PROBLEM} } }`;
    const input = {
      subject: { type: 'USER', id: colleague.id },
      limits: { requests: 10 },
      reason: 'A child is missing, every hour counts.',
      incidentRef: 'INC-9',
      expiresAt: filter.to,
    };
    expect(await dataOf(admin, mutation, { input })).toMatchObject({
      result: { __typename: 'Override', state: 'ACTIVE' },
    });
    expect(await dataOf(admin, mutation, { input: { ...input, reason: 'please' } })).toMatchObject({
      result: { __typename: 'Problem', code: 'invalid_value' },
    });
  });
});

describe('refusals', () => {
  it('insufficient_scope for a token without the permission, and the mutation has no effect', async () => {
    const budget = await ask(
      analyst.token,
      `mutation { createBudget(input: { name: "Not mine", scope: { type: "USER", id: "${analyst.id}" },
         limits: [{ period: "DAY", amount: "1" }] }) { __typename } }`,
    );
    expect(budget.errors.map(({ extensions }) => extensions.code)).toEqual(['insufficient_scope']);
    const { budgets } = await dataOf<{ budgets: { edges: { node: { name: string } }[] } }>(
      admin,
      '{ budgets { edges { node { name } } } }',
    );
    expect(budgets.edges.map(({ node }) => node.name)).not.toContain('Not mine');
  });

  it.each([
    ['no token', (): string | undefined => undefined, 'missing_credentials'],
    ['a forged token', (): string => `${analyst.token.slice(0, -4)}AAAA`, 'invalid_token'],
    ['an expired token', (): string => expiredToken(gateway, analyst.id), 'invalid_token'],
  ])('%s is refused', async (_name, token, code) => {
    const { data, errors } = await ask(token(), '{ capacity { state } }');
    expect(data).toBeNull();
    expect(errors.map(({ extensions }) => extensions.code)).toEqual([code]);
  });

  it('13 levels are refused with 400 before anything is resolved', async () => {
    const levels = (depth: number): string => (depth === 0 ? 'x' : `f { ${levels(depth - 1)} }`);
    const { status, errors } = await ask(admin, `{ ${levels(12)} }`);
    expect(status).toBe(400);
    expect(errors.some(({ message }) => message.includes('13 levels'))).toBe(true);
  });

  it('many aliases, many roots and wide connections are refused with 400', async () => {
    const aliases = Array.from({ length: 31 }, (_, n) => `a${String(n)}: state`).join(' ');
    const roots = Array.from({ length: 11 }, (_, n) => `r${String(n)}: capacity { state }`).join(' ');
    const wide = `{ budgets(first: 200) { edges { cursor node { id name metric currency enforcement onExhausted timeZone
      status version scope { type id } windows { id subject period startsAt endsAt limit posted held available state }
      } } } a: requests(first: 200) { edges { node { id at outcome operation requestedModel } } } }`;
    for (const query of [`{ capacity { ${aliases} } }`, `{ ${roots} }`, wide]) {
      const { status, data, errors } = await ask(admin, query);
      expect([status, data, errors.length > 0]).toEqual([400, null, true]);
    }
  });

  it('batches and documents as text are refused', async () => {
    const batch = await gateway.api('POST', '/graphql', admin, [{ query: '{ capacity { state } }' }]);
    expect(batch.status).toBe(400);
    const text = await gateway.api('POST', '/graphql', admin, 'query=%7B__typename%7D', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(text.status).toBeGreaterThanOrEqual(400);
  });
});
