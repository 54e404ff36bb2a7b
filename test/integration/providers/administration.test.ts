import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Global, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';

import { newId } from '../../../src/platform/ids/index.js';
import { ConfigSnapshots } from '../../../src/platform/snapshot/index.js';
import {
  AttemptGate,
  type AttemptAsk,
  AttemptObserver,
  ProvidersModule,
  ProvidersService,
  type Deployment,
  type Emission,
} from '../../../src/providers/index.js';
import { PROVIDERS_ENTITIES } from '../../../src/providers/persistence/entities.js';
import { answerStatus, ScriptedUpstream } from '../../support/scripted-upstream.js';
import {
  recordsOf,
  startDirectoryApp,
  type Answer,
  type DirectoryApp,
  type Person,
} from '../identity/directory-app.js';
import { textOf } from './call-rig.js';

const CANARY = 'sk-canary-0123456789abcdefwxyz';
const KEY_DIRECTORY = mkdtempSync(path.join(tmpdir(), 'aip-providers-'));

class OpenGate extends AttemptGate {
  override admit(_deployment: unknown, ask: AttemptAsk): ReturnType<AttemptGate['admit']> {
    return { ok: true, credentialId: ask.credentialIds[0] ?? null, release: () => undefined };
  }

  override load(): number {
    return 0;
  }
}

class DeafObserver extends AttemptObserver {
  override observed(): void {
    // Nobody learns anything here.
  }
}

@Global()
@Module({
  providers: [
    { provide: AttemptGate, useClass: OpenGate },
    { provide: AttemptObserver, useClass: DeafObserver },
  ],
  exports: [AttemptGate, AttemptObserver],
})
class BindingsModule {}

interface Shown {
  readonly id: string;
  readonly version: number;
  readonly state: string;
  readonly deployments: readonly { readonly id: string; readonly version: number; readonly model: string }[];
  readonly credentials: readonly { readonly id: string; readonly hint: string | null; readonly scheme: string }[];
}

let world: DirectoryApp;
let upstream: ScriptedUpstream;
let other: ScriptedUpstream;
let serial = 0;

beforeAll(async () => {
  const keyFile = path.join(KEY_DIRECTORY, 'encryption');
  writeFileSync(keyFile, Buffer.alloc(32, 5), { mode: 0o600 });
  upstream = await new ScriptedUpstream().start();
  other = await new ScriptedUpstream().start();
  world = await startDirectoryApp({
    modules: [BindingsModule, ProvidersModule],
    entities: PROVIDERS_ENTITIES,
    environment: { AIP_SECRET_ENCRYPTION_FILE: keyFile, AIP_PROVIDER_ALLOW_CIDRS: '127.0.0.1/32' },
  });
});
afterAll(async () => {
  await world.stop();
  await upstream.stop();
  await other.stop();
  rmSync(KEY_DIRECTORY, { recursive: true });
});

const shown = (answer: Answer): Shown => answer.json as unknown as Shown;
const etag = (version: number): Record<string, string> => ({ 'if-match': `"${String(version)}"` });
const post = (url: string, body?: object, who: Person = 'otto'): Promise<Answer> =>
  world.call(who, { method: 'POST', url, ...(body === undefined ? {} : { body }) });
const get = (url: string, who: Person = 'otto'): Promise<Answer> => world.call(who, { url });

function aProvider(model: string, more: object = {}): object {
  serial += 1;
  return {
    name: `partner-${String(serial)}`,
    vendor: 'openai',
    baseUrl: upstream.url,
    network: 'private',
    credential: { secret: CANARY },
    deployments: [{ model, upstreamModel: 'up-1' }],
    ...more,
  };
}

async function created(model: string, more: object = {}): Promise<Shown> {
  const answer = await post('/api/providers', aProvider(model, more));
  if (answer.status !== 201) throw new Error(answer.text);
  return shown(answer);
}

const serving = (model: string): readonly Deployment[] =>
  world
    .get(ConfigSnapshots)
    .current()
    .get(world.get(ProvidersService).part)
    .byModel(model)
    .filter(({ state }) => state === 'enabled');

async function ask(plan: readonly Deployment[]): Promise<{ text: string; providers: readonly string[] }> {
  const call = world.get(ProvidersService).call(
    {
      requestId: newId(),
      operation: 'chat',
      request: { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
      plan,
      outputBound: 50,
      endUser: 'p',
      deadlineAtMs: Date.parse('2100-01-01'),
      maxAttempts: 4,
    },
    new AbortController().signal,
  );
  const emissions: Emission[] = [];
  for await (const batch of call) emissions.push(...batch);
  return { text: textOf(emissions), providers: call.attempts.map((one) => one.deployment.providerName) };
}

describe('POST /api/providers', () => {
  it('201: a provider added over REST serves the next request', async () => {
    const provider = await created('fresh');
    expect(provider.deployments).toMatchObject([{ model: 'fresh' }]);
    expect((await ask(serving('fresh'))).text).toBe('Hello there.');
    expect(upstream.seen.at(-1)?.headers.authorization).toBe(`Bearer ${CANARY}`);
    expect((await get('/api/models')).json).toMatchObject({
      data: expect.arrayContaining([expect.objectContaining({ model: 'fresh' })]) as unknown,
    });
  });

  it('201: gives a credential the scheme that its vendor wants', async () => {
    const provider = await created('claude', { vendor: 'anthropic' });
    expect(provider.credentials).toMatchObject([{ scheme: 'header', hint: 'wxyz' }]);
  });

  it.each([
    ['an address on this machine', { network: 'public', baseUrl: 'https://127.0.0.1/v1' }, 'loopback'],
    ['a metadata address', { baseUrl: 'http://169.254.169.254/v1' }, 'never allowed'],
    ['a network that the environment does not open', { baseUrl: 'http://10.0.0.1/v1' }, 'AIP_PROVIDER_ALLOW_CIDRS'],
    ['credentials in the address', { baseUrl: 'http://user:pass@127.0.0.1/v1' }, 'credentials'],
    ['plain http to the world', { network: 'public', baseUrl: 'http://api.example.com/v1' }, 'https'],
    ['simulated money at a real provider', { currency: 'XTS' }, 'currency'],
    ['a scheme nobody knows', { credential: { secret: 'x', scheme: 'sigv2' } }, 'sigv4'],
    ['keys of AWS that are none', { credential: { secret: CANARY, scheme: 'sigv4' } }, 'accessKeyId:secretAccessKey'],
    ['a header that a request needs itself', { authHeader: 'host' }, 'authHeader'],
    ['a member nobody knows', { colour: 'red' }, 'colour'],
  ])('400: refuses %s', async (_name, more, reason) => {
    const answer = await post('/api/providers', aProvider('never', more));
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(reason);
    expect(answer.text).not.toContain(CANARY);
    expect(serving('never')).toHaveLength(0);
  });

  it('409: a name is taken, until its provider is removed', async () => {
    const provider = await created('once', { name: 'taken' });
    expect((await post('/api/providers', aProvider('once', { name: 'taken' }))).status).toBe(409);
    await world.call('otto', {
      method: 'DELETE',
      url: `/api/providers/${provider.id}?force=1`,
      headers: etag(provider.version),
    });
    expect((await post('/api/providers', aProvider('once', { name: 'taken' }))).status).toBe(201);
  });

  it.each(['ann', 'lea', 'cora'] as const)('403: is not for %s', async (who) => {
    expect((await post('/api/providers', aProvider('never'), who)).status).toBe(403);
    expect((await get('/api/providers', 'ann')).status).toBe(403);
  });
});

describe('PATCH /api/providers/{id}', () => {
  it('200: moves a provider; 412: when someone was faster; 428: without If-Match', async () => {
    const provider = await created('moved');
    const url = `/api/providers/${provider.id}`;
    const patch = (version: number | null): Promise<Answer> =>
      world.call('otto', {
        method: 'PATCH',
        url,
        body: { baseUrl: other.url },
        headers: version === null ? {} : etag(version),
      });
    expect((await patch(null)).status).toBe(428);
    const before = other.seen.length;
    expect((await patch(provider.version)).status).toBe(200);
    expect((await patch(provider.version)).status).toBe(412);
    await ask(serving('moved'));
    expect(other.seen).toHaveLength(before + 1);
  });

  it('400: the new address is checked as the first one was', async () => {
    const provider = await created('checked');
    const answer = await world.call('otto', {
      method: 'PATCH',
      url: `/api/providers/${provider.id}`,
      body: { baseUrl: 'http://192.168.0.1/' },
      headers: etag(provider.version),
    });
    expect(answer.status).toBe(400);
  });

  it('404: for a provider that never was', async () => {
    expect((await get(`/api/providers/${newId()}`)).status).toBe(404);
    expect((await get('/api/providers/nonsense')).status).toBe(404);
  });
});

describe('drain, resume, remove', () => {
  it('takes a provider out and back in', async () => {
    const provider = await created('drained');
    const drained = await world.call('otto', {
      method: 'POST',
      url: `/api/providers/${provider.id}/drain`,
      headers: etag(provider.version),
    });
    expect(shown(drained).state).toBe('draining');
    expect(serving('drained')).toHaveLength(0);
    await world.call('otto', {
      method: 'POST',
      url: `/api/providers/${provider.id}/resume`,
      headers: etag(shown(drained).version),
    });
    expect(serving('drained')).toHaveLength(1);
  });

  it('removed, the request after it fails over', async () => {
    const first = await created('shared');
    const second = await created('shared', { baseUrl: other.url });
    const planned = serving('shared');
    expect(planned).toHaveLength(2);
    upstream.next(answerStatus(503, {}));
    const failedOver = await ask([...planned].sort((a) => (a.providerId === first.id ? -1 : 1)));
    expect(failedOver.text).toBe('Hello there.');
    expect(failedOver.providers).toHaveLength(2);
    const removed = await world.call('otto', {
      method: 'DELETE',
      url: `/api/providers/${first.id}`,
      headers: etag(first.version),
    });
    expect(removed.status).toBe(204);
    expect(serving('shared').map(({ providerId }) => providerId)).toEqual([second.id]);
    expect((await ask(serving('shared'))).providers).toHaveLength(1);
  });

  it('409: the last deployment of a model needs force, and the answer names the model', async () => {
    const provider = await created('lonely');
    const [deployment] = provider.deployments;
    if (deployment === undefined) throw new Error('no deployment');
    const remove = (query: string): Promise<Answer> =>
      world.call('otto', {
        method: 'DELETE',
        url: `/api/deployments/${deployment.id}${query}`,
        headers: etag(deployment.version),
      });
    const refused = await remove('');
    expect(refused.status).toBe(409);
    expect(refused.json.detail).toContain('lonely');
    expect((await remove('?force=1')).status).toBe(204);
    expect(serving('lonely')).toHaveLength(0);
  });

  it('keeps the rows that records point at', async () => {
    const provider = await created('kept');
    await world.call('otto', {
      method: 'DELETE',
      url: `/api/providers/${provider.id}?force=1`,
      headers: etag(provider.version),
    });
    const rows = await world.app
      .get(DataSource)
      .query<unknown[]>('SELECT 1 FROM provider WHERE id = $1 AND removed_at IS NOT NULL', [provider.id]);
    expect(rows).toHaveLength(1);
  });
});

describe('deployments', () => {
  it('are added, changed, listed and drained by themselves', async () => {
    const provider = await created('base');
    const added = await post('/api/deployments', { providerId: provider.id, model: 'extra', upstreamModel: 'up-2' });
    expect(added.status).toBe(201);
    expect(serving('extra')).toMatchObject([{ upstreamModel: 'up-2', credentialIds: [provider.credentials[0]?.id] }]);
    const { id } = added.json;
    const changed = await world.call('otto', {
      method: 'PATCH',
      url: `/api/deployments/${id}`,
      body: { weight: 7, timers: { ttftMs: 5_000 }, limits: { maxConcurrent: 3 } },
      headers: etag(1),
    });
    expect(changed.status).toBe(200);
    expect(serving('extra')[0]).toMatchObject({
      weight: 7,
      timers: { ttftMs: 5_000, idleMs: 20_000 },
      limits: { maxConcurrent: 3 },
    });
    const listed = await get(`/api/deployments?providerId=${provider.id}&limit=1`);
    expect(listed.json.data).toHaveLength(1);
    const next = await get(
      `/api/deployments?providerId=${provider.id}&limit=1&cursor=${encodeURIComponent(listed.json.next ?? '')}`,
    );
    expect(next.json.data).toMatchObject([{ id }]);
    expect((await get(`/api/deployments?cursor=${encodeURIComponent(listed.json.next ?? '')}`)).status).toBe(400);
    await world.call('otto', { method: 'POST', url: `/api/deployments/${id}/drain`, headers: etag(2) });
    expect(serving('extra')).toHaveLength(0);
  });

  it('409: the same place twice', async () => {
    const provider = await created('twice');
    const again = await post('/api/deployments', { providerId: provider.id, model: 'twice', upstreamModel: 'up-1' });
    expect(again.status).toBe(409);
  });
});

describe('credentials', () => {
  it('are added, rotated and revoked, and each step counts for the next request', async () => {
    const provider = await created('keyed', { credential: undefined });
    const url = `/api/providers/${provider.id}/credentials`;
    const added = await post(url, { name: 'main', secret: 'first-secret-0123456789' });
    expect(added.status).toBe(201);
    expect(added.json).toMatchObject({ hint: '6789', state: 'active' });
    await ask(serving('keyed'));
    expect(upstream.seen.at(-1)?.headers.authorization).toBe('Bearer first-secret-0123456789');
    await post(`${url}/${added.json.id}/rotate`, { secret: 'second' });
    await ask(serving('keyed'));
    expect(upstream.seen.at(-1)?.headers.authorization).toBe('Bearer second');
    expect((await post(`${url}/${added.json.id}/revoke`)).json.state).toBe('revoked');
    await expect(ask(serving('keyed'))).rejects.toMatchObject({ code: 'no_capacity' });
    expect((await post(`${url}/${added.json.id}/rotate`, { secret: 'third' })).status).toBe(409);
  });

  it('of AWS are told apart by the id of the key, and are keys also after a rotation', async () => {
    const secret = 'AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    const quirks = { region: 'eu-central-1' };
    const provider = await created('signed', { vendor: 'bedrock', credential: { secret }, quirks });
    expect(provider.credentials).toMatchObject([{ scheme: 'sigv4', hint: 'MPLE' }]);
    await ask(serving('signed')).catch(() => undefined);
    const { headers } = upstream.seen.at(-1) ?? {};
    expect(headers?.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/\d{8}\/eu-central-1\/bedrock\/aws4_request, /,
    );
    expect(JSON.stringify(headers)).not.toContain('wJalr');
    const url = `/api/providers/${provider.id}/credentials/${provider.credentials[0]?.id ?? ''}/rotate`;
    const refused = await post(url, { secret: CANARY });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('invalid_value');
    expect(refused.text).not.toContain(CANARY);
    expect((await post(url, { secret: `${secret}:IQoJb3JpZ2luX2VjEXAMPLE` })).status).toBe(200);
  });

  it('404: are not found under another provider', async () => {
    const one = await created('mine');
    const two = await created('yours');
    const url = `/api/providers/${two.id}/credentials/${one.credentials[0]?.id ?? ''}/revoke`;
    expect((await post(url)).status).toBe(404);
  });

  it('never show their secret: not in answers, records, notices, rows or snapshots', async () => {
    const provider = await created('canary');
    await ask(serving('canary'));
    const answers = await Promise.all([
      get('/api/providers'),
      get(`/api/providers/${provider.id}`),
      get('/api/deployments'),
      get('/api/models'),
      post(`/api/providers/${provider.id}/test`),
    ]);
    const source = world.app.get(DataSource);
    const rows = await source.query<unknown[]>(
      `SELECT to_jsonb(c) AS row FROM credential c UNION ALL SELECT to_jsonb(o) FROM outbox o
       UNION ALL SELECT to_jsonb(p) FROM provider p`,
    );
    const everything = [
      ...answers.map(({ text }) => text),
      ...(await recordsOf(world, 'provider.change')),
      JSON.stringify(rows),
      JSON.stringify(serving('canary')),
    ];
    for (const text of everything) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain('"sealed":{');
    }
    const sealed = await source.query<{ sealed: Buffer }[]>('SELECT sealed FROM credential');
    for (const row of sealed) expect(row.sealed.includes(CANARY)).toBe(false);
  });
});

describe('each change', () => {
  it('leaves an audit record, a notice and a new configuration', async () => {
    const before = (await recordsOf(world, 'provider.change')).length;
    const hash = world.get(ConfigSnapshots).current().hash;
    const provider = await created('audited');
    const records = await recordsOf(world, 'provider.change');
    expect(records).toHaveLength(before + 1);
    expect(world.get(ConfigSnapshots).current().hash).not.toBe(hash);
    const [notice] = await world.app
      .get(DataSource)
      .query<{ data: object }[]>(
        `SELECT data FROM outbox WHERE type = 'provider.state.changed' ORDER BY seq DESC LIMIT 1`,
      );
    expect(notice?.data).toEqual({ kind: 'provider', id: provider.id, state: 'enabled' });
  });

  it('is not refused or lost while others are made', async () => {
    const made = await Promise.all(Array.from({ length: 6 }, () => created('parallel')));
    expect(serving('parallel')).toHaveLength(6);
    expect(new Set(made.map(({ id }) => id)).size).toBe(6);
  });
});
