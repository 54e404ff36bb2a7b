import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { SystemClock } from '../../../src/platform/clock/index.js';
import { UnitOfWork } from '../../../src/platform/database/index.js';
import type { AppError } from '../../../src/platform/errors/index.js';
import { OutboxRepository } from '../../../src/platform/outbox/index.js';
import type { Criticality, Principal } from '../../../src/platform/security/index.js';
import { ConfigSnapshots } from '../../../src/platform/snapshot/index.js';
import { OverridesService, QuotasModule, QuotasService, type Admission } from '../../../src/quotas/index.js';
import { OverrideUses } from '../../../src/quotas/override-uses.js';
import { QUOTAS_ENTITIES } from '../../../src/quotas/persistence/entities.js';
import {
  recordsOf,
  startDirectoryApp,
  type Answer,
  type DirectoryApp,
  type Person,
} from '../identity/directory-app.js';

const UNKNOWN = '0199f3a2-7c1e-7b3a-8000-000000000001';
const HOUR = 3_600_000;

const clock = new SystemClock();
let world: DirectoryApp;

beforeAll(async () => {
  world = await startDirectoryApp({ modules: [QuotasModule], entities: QUOTAS_ENTITIES });
});
afterAll(() => world.stop());

const idOf = (person: Person): string => world.cast.users[person].id;
const post = (who: Person, url: string, body: object = {}): Promise<Answer> =>
  world.call(who, { method: 'POST', url, body });

function quotaFor(person: Person, fields: object): object {
  return { subject: { type: 'USER', id: idOf(person) }, metric: 'REQUESTS', limit: 2, windowSeconds: 3_600, ...fields };
}

function overrideFor(person: Person, fields: object = {}): object {
  return {
    subject: { type: 'USER', id: idOf(person) },
    limits: { requests: 5 },
    reason: 'A child is missing since this morning.',
    incidentRef: 'INC-7',
    expiresAt: new Date(clock.nowMs() + HOUR).toISOString(),
    ...fields,
  };
}

function principalOf(person: Person, maxCriticality: Criticality = 'critical'): Principal {
  const { id, teamId, orgId } = world.cast.users[person];
  return {
    kind: 'user',
    credential: { kind: 'access_token', id: 'token' },
    orgId,
    userId: id,
    teamId,
    roles: ['analyst'],
    permissions: new Set(['chat:write']),
    entitlements: {
      models: null,
      maxCriticality,
      maxTier: 'critical',
      defaultInvestigationId: null,
      simulated: null,
      batch: false,
    },
  };
}

function admit(
  person: Person,
  fields: { criticality?: Criticality; requestId?: string; tokens?: number } = {},
): Admission {
  const principal = principalOf(person);
  const { orgId, userId, teamId } = principal;
  return world
    .get(QuotasService)
    .admit({ orgId, userId, teamId, keyId: null, investigationId: null, operationId: null }, principal, {
      estimatedTokens: fields.tokens ?? 10,
      model: 'gpt-x',
      criticality: fields.criticality,
      deadlineAtMs: clock.nowMs() + 60_000,
      snapshot: world.get(ConfigSnapshots).current(),
      ...(fields.requestId === undefined ? {} : { requestId: fields.requestId }),
    });
}

function refusal(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    return error as AppError;
  }
  throw new Error('Nothing was refused');
}

async function eventsOf(overrideId: string): Promise<string[]> {
  const outbox = world.get(OutboxRepository);
  const events = await world.get(UnitOfWork).run(async (tx) => {
    await outbox.publish(tx);
    return outbox.findAfter(tx, 0);
  });
  return events.filter(({ data }) => data['overrideId'] === overrideId).map(({ type }) => type);
}

describe('/api/quotas', () => {
  it('creates, lists, changes and removes a quota, in force at once', async () => {
    const made = await post('ada', '/api/quotas', quotaFor('ann', { name: 'ann-rph' }));
    expect(made).toMatchObject({ status: 201, json: { name: 'ann-rph', burst: 2, models: null, version: 1 } });
    const url = `/api/quotas/${made.json.id}`;
    expect((await world.call('ada', { url: '/api/quotas' })).json.data).toMatchObject([{ name: 'ann-rph' }]);

    admit('ann')[Symbol.dispose]();
    expect(admit('ann').headers).toMatchObject({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '0',
    });
    const error = refusal(() => admit('ann'));
    expect(error.code).toBe('quota_exceeded');
    expect(error.message).toContain('ann-rph');
    expect(error.facts.retryAfterSeconds).toBeGreaterThan(1_700);
    expect(error.facts.headers).toMatchObject({ RateLimit: expect.stringContaining('"ann-rph";r=0') as unknown });

    const raised = await world.call('ada', {
      method: 'PATCH',
      url,
      body: { limit: 5 },
      headers: { 'if-match': '"1"' },
    });
    expect(raised).toMatchObject({ status: 200, json: { limit: 5, burst: 5, version: 2 } });
    admit('ann')[Symbol.dispose]();
    const stale = await world.call('ada', { method: 'PATCH', url, body: { limit: 9 }, headers: { 'if-match': '"1"' } });
    expect(stale.status).toBe(412);
    expect((await world.call('ada', { method: 'DELETE', url, headers: { 'if-match': '"2"' } })).status).toBe(204);
    for (let n = 0; n < 20; n++) admit('ann')[Symbol.dispose]();
    expect(world.get(QuotasService).state({ ...principalOf('ann'), keyId: null })).toEqual([]);
  });

  it('needs If-Match, a free name and a window that fits the metric', async () => {
    const { json } = await post('ada', '/api/quotas', quotaFor('bob', { name: 'bob-rph' }));
    const url = `/api/quotas/${json.id}`;
    expect((await world.call('ada', { method: 'PATCH', url, body: { limit: 9 } })).status).toBe(428);
    expect((await post('ada', '/api/quotas', quotaFor('bob', { name: 'bob-rph' }))).status).toBe(409);
    expect((await post('ada', '/api/quotas', quotaFor('bob', { name: 'x', metric: 'CONCURRENCY' }))).status).toBe(400);
    expect((await post('ada', '/api/quotas', quotaFor('bob', { name: 'x', windowSeconds: undefined }))).status).toBe(
      400,
    );
    expect((await post('ada', '/api/quotas', quotaFor('bob', { name: 'x', limit: 0 }))).status).toBe(400);
    const gone = await world.call('ada', {
      method: 'PATCH',
      url: `/api/quotas/${UNKNOWN}`,
      body: {},
      headers: { 'if-match': '"1"' },
    });
    expect(gone.status).toBe(404);
    const foreign = await world.call('eve', { method: 'DELETE', url, headers: { 'if-match': '"1"' } });
    expect(foreign.status).toBe(404);
  });

  it('lets a lead change the own team only, and an analyst nothing', async () => {
    expect((await post('lea', '/api/quotas', quotaFor('ann', { name: 'lead-ann' }))).status).toBe(201);
    expect((await post('lea', '/api/quotas', quotaFor('bob', { name: 'lead-bob' }))).status).toBe(403);
    expect(
      (await post('lea', '/api/quotas', quotaFor('ann', { name: 'all', subject: { type: 'USER', id: null } }))).status,
    ).toBe(403);
    expect((await post('ann', '/api/quotas', quotaFor('ann', { name: 'mine' }))).status).toBe(403);
    expect((await world.call('ann', { url: '/api/quotas' })).status).toBe(403);
  });

  it('checks without taking anything, for oneself or by who sees everybody', async () => {
    const before = await post('bob', '/api/quotas/check', { model: 'gpt-x', estimatedTokens: 5 });
    expect(before).toMatchObject({
      status: 200,
      json: { allowed: true, limits: [{ policy: 'bob-rph', remaining: 2 }] },
    });
    const again = await post('bob', '/api/quotas/check');
    expect(again.json).toMatchObject({ allowed: true, limits: [{ policy: 'bob-rph', used: 0, remaining: 2 }] });
    expect((await post('bob', '/api/quotas/check', { userId: idOf('ann') })).status).toBe(403);
    expect((await post('ada', '/api/quotas/check', { userId: idOf('bob') })).json).toMatchObject({
      limits: [{ policy: 'bob-rph' }],
    });
  });
});

describe('/api/overrides', () => {
  it('waits for another person, raises the limit, lifts the criticality cap and records each step', async () => {
    const asked = await post('bob', '/api/overrides', overrideFor('bob'));
    expect(asked).toMatchObject({ status: 201, json: { state: 'REQUESTED', approvedBy: null } });
    const url = `/api/overrides/${asked.json.id}`;
    for (let n = 0; n < 2; n++) admit('bob')[Symbol.dispose]();
    expect(refusal(() => admit('bob')).code).toBe('quota_exceeded');
    expect(refusal(() => admit('bob', { criticality: 'critical-plus' })).code).toBe('criticality_forbidden');
    expect((await post('bob', `${url}/approve`)).status).toBe(403);
    expect((await post('lea', `${url}/approve`)).status).toBe(403);

    const approved = await post('leo', `${url}/approve`);
    expect(approved).toMatchObject({ status: 200, json: { state: 'ACTIVE', approvedBy: idOf('leo'), version: 2 } });
    const admission = admit('bob', { criticality: 'critical-plus', requestId: UNKNOWN });
    expect(admission).toMatchObject({ criticality: 'critical-plus', usedOverrides: [asked.json.id] });
    await world.get(OverrideUses).flush();

    expect((await post('ada', `${url}/revoke`)).json.state).toBe('REVOKED');
    expect(refusal(() => admit('bob')).code).toBe('quota_exceeded');
    expect((await post('ada', `${url}/approve`)).status).toBe(409);
    expect(await eventsOf(asked.json.id)).toEqual([
      'quota.override.requested',
      'quota.override.approved',
      'quota.override.used',
      'quota.override.expired',
    ]);
  });

  it('is granted at once by an administrator who is not its subject', async () => {
    expect((await post('ada', '/api/overrides', overrideFor('ann'))).json).toMatchObject({
      state: 'ACTIVE',
      approvedBy: idOf('ada'),
    });
    expect((await post('ada', '/api/overrides', overrideFor('ada'))).json).toMatchObject({
      state: 'REQUESTED',
      approvedBy: null,
    });
  });

  it('needs a reason, an incident and an end within eight hours', async () => {
    for (const fields of [
      { reason: 'because' },
      { incidentRef: '' },
      { expiresAt: new Date(clock.nowMs() + 9 * HOUR).toISOString() },
      { expiresAt: new Date(clock.nowMs() - 1).toISOString() },
      { limits: { requests: -1 } },
    ]) {
      expect((await post('bob', '/api/overrides', overrideFor('bob', fields))).status).toBe(400);
    }
    expect((await post('bob', '/api/overrides', overrideFor('ann'))).status).toBe(403);
  });

  it('is shown to who decides and to whom it concerns', async () => {
    const { json } = await post('bob', '/api/overrides', overrideFor('bob'));
    const seen = async (who: Person): Promise<boolean> =>
      (await world.call(who, { url: '/api/overrides?limit=200' })).json.data.some(({ id }) => id === json.id);
    expect([await seen('bob'), await seen('ada'), await seen('ann'), await seen('eve')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect((await post('leo', `/api/overrides/${json.id}/deny`)).json.state).toBe('DENIED');
    expect((await post('ada', `/api/overrides/${UNKNOWN}/deny`)).status).toBe(404);
  });

  it('ends by time, and the job records that it ended', async () => {
    const expiresAt = new Date(clock.nowMs() + 400).toISOString();
    const { json } = await post('ada', '/api/overrides', overrideFor('bob', { expiresAt }));
    expect(json.state).toBe('ACTIVE');
    while (clock.nowMs() <= Date.parse(expiresAt)) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(refusal(() => admit('bob')).code).toBe('quota_exceeded');
    expect(await world.get(OverridesService).expireDue()).toBe(1);
    expect(await world.get(OverridesService).expireDue()).toBe(0);
    expect((await eventsOf(json.id)).at(-1)).toBe('quota.override.expired');
  });

  it('leaves an audit record for every step', async () => {
    for (const step of ['requested', 'approved', 'denied', 'revoked', 'expired', 'used']) {
      expect(await recordsOf(world, `override.${step}`)).not.toHaveLength(0);
    }
    expect(await recordsOf(world, 'policy.change')).not.toHaveLength(0);
  });
});
