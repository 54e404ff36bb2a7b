import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { DataSource } from 'typeorm';

import { UnitOfWork } from '../../../src/platform/database/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { OutboxRepository, type EventType } from '../../../src/platform/outbox/index.js';
import { ensureSecret, makeKey } from '../../../src/platform/secrets/index.js';
import { WebhookDispatcher, WebhookFanOut, WebhooksModule } from '../../../src/webhooks/index.js';
import { recordsOf, startDirectoryApp, type Answer, type DirectoryApp } from '../identity/directory-app.js';
import { Receiver } from './receiver.js';

/** Frame of an Ed25519 public key. Source: RFC 8410 §10.1. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

interface Hook {
  readonly id: string;
  readonly version: number;
  readonly state: string;
  readonly disabledBecause: string | null;
  readonly failingSince: string | null;
  readonly keys: readonly { readonly scheme: string; readonly secret: string | null; readonly publicKey: string }[];
}

interface Sent {
  readonly id: string;
  readonly messageId: string;
  readonly state: string;
  readonly seq: number;
  readonly replayOf: string | null;
  readonly attempts: readonly { readonly n: number; readonly status: number | null; readonly error: string | null }[];
}

let world: DirectoryApp;
let receiver: Receiver;
const directory = mkdtempSync(path.join(tmpdir(), 'aip-webhooks-'));

beforeAll(async () => {
  const keyFile = path.join(directory, 'encryption');
  ensureSecret(keyFile, makeKey);
  world = await startDirectoryApp({
    modules: [WebhooksModule],
    environment: { AIP_WEBHOOK_ALLOW_CIDRS: '127.0.0.1/32', AIP_SECRET_ENCRYPTION_FILE: keyFile },
  });
});
afterAll(async () => {
  await world.stop();
  rmSync(directory, { recursive: true });
});

beforeEach(async () => {
  receiver = await new Receiver().start();
});
afterEach(async () => {
  await world.get(WebhookDispatcher).settled();
  await sql('DELETE FROM webhook_endpoint');
  await world.get(WebhookFanOut).handOut();
  await receiver.stop();
});

const sql = (text: string, values: unknown[] = []): Promise<unknown> => world.app.get(DataSource).query(text, values);

const post = (url: string, body: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
  world.call('ada', { method: 'POST', url, body, headers });

async function endpoint(body: object = {}): Promise<Hook> {
  const made = await post('/api/webhooks', { url: receiver.url, ...body });
  expect([made.status, made.text]).toEqual([201, expect.anything()]);
  return made.json as unknown as Hook;
}

async function hookOf(id: string): Promise<Hook> {
  return (await world.call('ada', { url: `/api/webhooks/${id}` })).json as unknown as Hook;
}

async function deliveriesOf(id: string, query = ''): Promise<readonly Sent[]> {
  const answer = await world.call('ada', { url: `/api/webhooks/${id}/deliveries${query}` });
  return answer.json.data as unknown as readonly Sent[];
}

/** A fact and its notice. */
function happen(type: EventType, data: Record<string, unknown> = {}, orgId = world.cast.orgId): Promise<void> {
  const event = { id: newId(), orgId, type, atMs: Date.parse('2026-11-24T12:00:00Z'), data };
  return world.get(UnitOfWork).run((tx) => world.get(OutboxRepository).insert(tx, [event]));
}

/** Hands out and sends until nothing is due. */
async function deliverAll(): Promise<void> {
  await world.get(WebhookFanOut).handOut();
  while ((await world.get(WebhookDispatcher).begin()) > 0) await world.get(WebhookDispatcher).settled();
  await world.get(WebhookDispatcher).settled();
}

/** Makes every wait end now. */
const hurry = (): Promise<unknown> =>
  sql(`UPDATE webhook_delivery SET next_at = now() - interval '1 second' WHERE state = 'pending'`);

const standardHeaders = (headers: Readonly<Record<string, unknown>>): Record<string, string> =>
  headers as Record<string, string>;

describe('signatures', () => {
  it('v1 is verified by the published library', async () => {
    const { keys } = await endpoint({ signatures: ['v1'] });
    await happen('budget.exhausted', { budgetId: 'b1' });
    await deliverAll();
    const { headers, body } = receiver.last();
    const library = new Webhook(String(keys[0]?.secret));
    expect(library.verify(body, standardHeaders(headers))).toMatchObject({
      type: 'budget.exhausted',
      data: { budgetId: 'b1' },
    });
    expect(() => library.verify(body.replace('b1', 'b2'), standardHeaders(headers))).toThrow();
  });

  it('v1a is verified by node:crypto alone, with nothing but the public key', async () => {
    const { keys } = await endpoint();
    await happen('price.changed');
    await deliverAll();
    const { headers, body } = receiver.last();
    const raw = Buffer.from(String(keys[0]?.publicKey).replace('whpk_', ''), 'base64');
    const key = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
    const signed = Buffer.from(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`);
    const signature = Buffer.from(String(headers['webhook-signature']).replace('v1a,', ''), 'base64');
    expect(verify(null, signed, key, signature)).toBe(true);
    expect(keys).toMatchObject([{ scheme: 'v1a', secret: null }]);
  });

  it('after a rotation the old and the new secret verify until the overlap is over', async () => {
    const { id, version, keys } = await endpoint({ signatures: ['v1'] });
    const rotated = await post(`/api/webhooks/${id}/rotate`, {}, { 'if-match': `"${String(version)}"` });
    const fresh = (rotated.json as unknown as Hook).keys[0]?.secret;
    await happen('price.changed');
    await deliverAll();
    const { headers, body } = receiver.last();
    for (const secret of [keys[0]?.secret, fresh])
      expect(new Webhook(String(secret)).verify(body, standardHeaders(headers))).toBeTruthy();

    await sql('UPDATE webhook_key SET retires_at = now() WHERE retires_at IS NOT NULL');
    await happen('price.changed');
    await deliverAll();
    const later = receiver.last();
    expect(() => new Webhook(String(keys[0]?.secret)).verify(later.body, standardHeaders(later.headers))).toThrow();
    expect(new Webhook(String(fresh)).verify(later.body, standardHeaders(later.headers))).toBeTruthy();
  });

  it('the secret of a key is shown once and never stored in clear', async () => {
    const { id, keys } = await endpoint({ signatures: ['v1', 'v1a'] });
    const secret = String(keys.find(({ scheme }) => scheme === 'v1')?.secret);
    expect(secret).toMatch(/^whsec_/);
    expect((await hookOf(id)).keys.map((key) => key.secret)).toEqual([null, null]);
    const rows = JSON.stringify(await sql(`SELECT to_jsonb(k), encode(sealed, 'escape') FROM webhook_key k`));
    expect(rows).not.toContain(secret.replace('whsec_', ''));
  });
});

describe('delivery', () => {
  it('each notice is handed to each endpoint once, in order, and only what it wants', async () => {
    const { id } = await endpoint({ eventTypes: ['price.changed', 'case.closed'] });
    await happen('price.changed', { n: 1 });
    await happen('budget.exhausted');
    await happen('case.closed', { n: 2 });
    await happen('price.changed', {}, world.cast.otherOrgId);
    await deliverAll();
    await deliverAll();
    expect(receiver.messages().map(({ type }) => type)).toEqual(['price.changed', 'case.closed']);
    const [first, second] = receiver.messages();
    expect(Number(second?.data.seq)).toBeGreaterThan(Number(first?.data.seq));
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'delivered' }, { state: 'delivered' }]);
  });

  it('a receiver is told again, with the same id, until it answers 2xx', async () => {
    const { id } = await endpoint();
    receiver.reply = { status: 503 };
    await happen('price.changed');
    await deliverAll();
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'pending', attempts: [{ n: 1, status: 503 }] }]);
    expect((await hookOf(id)).failingSince).not.toBeNull();

    receiver.reply = { status: 200, body: 'fine' };
    await hurry();
    await deliverAll();
    expect(receiver.arrivals.map(({ headers }) => headers['webhook-id'])).toEqual(
      Array(2).fill(receiver.last().headers['webhook-id']),
    );
    expect(await deliveriesOf(id)).toMatchObject([
      {
        state: 'delivered',
        attempts: [
          { n: 1, status: 503, error: 'status 503' },
          { n: 2, status: 200, error: null },
        ],
      },
    ]);
    expect((await hookOf(id)).failingSince).toBeNull();
  });

  it('a process that died while it sent leaves the delivery to be sent again', async () => {
    await endpoint();
    await happen('price.changed');
    await world.get(WebhookFanOut).handOut();
    // Taken by somebody who never came back.
    await sql(`UPDATE webhook_delivery SET attempts = attempts + 1, next_at = now() + interval '1 minute'`);
    await deliverAll();
    expect(receiver.arrivals).toHaveLength(0);
    await hurry();
    await deliverAll();
    expect(receiver.arrivals).toHaveLength(1);
  });

  it('a redirect is a failure and is not followed', async () => {
    const { id } = await endpoint();
    receiver.reply = { status: 302, headers: { location: receiver.url } };
    await happen('price.changed');
    await deliverAll();
    expect(receiver.arrivals).toHaveLength(1);
    expect(await deliveriesOf(id)).toMatchObject([{ attempts: [{ status: 302, error: 'redirect: not followed' }] }]);
  });

  it('waits as long as the receiver asks for', async () => {
    const { id } = await endpoint();
    receiver.reply = { status: 429, headers: { 'retry-after': '3600' } };
    await happen('price.changed');
    await deliverAll();
    const [{ wait }] = (await sql(
      `SELECT extract(epoch FROM next_at - now())::int AS wait FROM webhook_delivery WHERE endpoint_id = $1`,
      [id],
    )) as [{ wait: number }];
    expect(wait).toBeGreaterThan(3_500);
  });

  it('410 switches the endpoint off at once; the reason is on record and others are told', async () => {
    const { id } = await endpoint();
    receiver.reply = { status: 410 };
    await happen('price.changed');
    await deliverAll();
    expect(await hookOf(id)).toMatchObject({ state: 'disabled', disabledBecause: 'gone' });
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'failed' }]);
    expect((await recordsOf(world, 'webhook.change')).some((line) => line.includes('disabledBecause'))).toBe(true);
    expect(await sql(`SELECT data FROM outbox WHERE type = 'webhook.disabled' ORDER BY seq DESC LIMIT 1`)).toEqual([
      { data: { webhookId: id, because: 'gone' } },
    ]);
    expect((await post(`/api/webhooks/${id}/test`)).status).toBe(409);
  });

  it('an endpoint is switched off when a delivery used up its attempts and nothing else arrived', async () => {
    const { id, version } = await endpoint();
    receiver.reply = { status: 500 };
    await happen('price.changed');
    await deliverAll();
    for (let n = 2; n <= 10; n += 1) {
      expect((await hookOf(id)).state).toBe('enabled');
      await hurry();
      await deliverAll();
    }
    expect(receiver.arrivals).toHaveLength(10);
    expect(await hookOf(id)).toMatchObject({ state: 'disabled', disabledBecause: 'failing' });

    await happen('price.changed');
    await deliverAll();
    expect(receiver.arrivals).toHaveLength(10);
    const again = await world.call('ada', {
      method: 'PATCH',
      url: `/api/webhooks/${id}`,
      headers: { 'if-match': `"${String(version + 1)}"` },
      body: { state: 'enabled' },
    });
    expect(again.json).toMatchObject({ state: 'enabled', disabledBecause: null, failingSince: null });
  });

  it('stays on when something else arrived in between', async () => {
    const { id } = await endpoint();
    receiver.reply = { status: 500 };
    await happen('price.changed');
    await deliverAll();
    await sql(`UPDATE webhook_delivery SET attempts = 8`);
    receiver.reply = { status: 204 };
    await happen('case.closed');
    await deliverAll();
    receiver.reply = { status: 500 };
    for (let n = 9; n <= 10; n += 1) {
      await hurry();
      await deliverAll();
    }
    expect(await deliveriesOf(id, '?state=failed')).toHaveLength(1);
    expect((await hookOf(id)).state).toBe('enabled');
  });

  it('replays a message with the same id, pages the log and tests an endpoint', async () => {
    const { id } = await endpoint();
    for (const n of [1, 2, 3]) await happen('price.changed', { n });
    await deliverAll();
    const [newest] = await deliveriesOf(id);
    const replayed = await post(`/api/webhooks/${id}/deliveries/${String(newest?.id)}/replay`);
    expect(replayed.status).toBe(202);
    await deliverAll();
    expect(receiver.last().headers['webhook-id']).toBe(newest?.messageId);
    expect((await deliveriesOf(id))[0]).toMatchObject({ replayOf: newest?.id, state: 'delivered' });

    expect((await post(`/api/webhooks/${id}/test`)).status).toBe(202);
    await deliverAll();
    expect(receiver.messages().at(-1)).toMatchObject({ type: 'webhook.test', data: { webhookId: id } });

    const first = await world.call('ada', { url: `/api/webhooks/${id}/deliveries?limit=2` });
    const second = await world.call('ada', {
      url: `/api/webhooks/${id}/deliveries?limit=3&cursor=${String(first.json.next)}`,
    });
    expect([first.json.data.length, second.json.data.length, second.json.next]).toEqual([2, 3, null]);
  });
});

describe('access', () => {
  it('is for operators and administrators of the organisation', async () => {
    const { id } = await endpoint();
    const create = { method: 'POST', url: '/api/webhooks', body: { url: receiver.url } } as const;
    for (const who of ['ann', 'lea', 'cora', 'system'] as const)
      expect([who, (await world.call(who, create)).status]).toEqual([who, 403]);
    expect((await world.call('otto', create)).status).toBe(201);
    expect((await world.call('cora', { url: '/api/webhooks' })).status).toBe(200);
    for (const url of [`/api/webhooks/${id}`, `/api/webhooks/${id}/deliveries`])
      expect((await world.call('eve', { url })).status).toBe(404);
  });

  it.each(['https://10.0.0.1/', 'https://169.254.169.254/latest', 'http://example.org/', 'https://localhost/'])(
    'refuses to send to %s',
    async (url) => {
      expect(await post('/api/webhooks', { url })).toMatchObject({ status: 400, json: { code: 'invalid_value' } });
    },
  );

  it('no message reaches an address that a saved name or a changed environment leads to', async () => {
    const { id } = await endpoint();
    await sql(`UPDATE webhook_endpoint SET url = 'https://169.254.169.254/'`);
    await happen('price.changed');
    await deliverAll();
    expect(await deliveriesOf(id)).toMatchObject([
      { state: 'pending', attempts: [{ status: null, error: expect.stringContaining('never allowed') as unknown }] },
    ]);
  });

  it('a change needs the version it is based on', async () => {
    const { id } = await endpoint();
    const change = (headers: Record<string, string>): Promise<Answer> =>
      world.call('ada', { method: 'PATCH', url: `/api/webhooks/${id}`, headers, body: { description: 'x' } });
    expect((await change({})).status).toBe(428);
    expect((await change({ 'if-match': '"9"' })).status).toBe(412);
    expect((await change({ 'if-match': '"1"' })).json).toMatchObject({ description: 'x', version: 2 });
    const removed = await world.call('ada', {
      method: 'DELETE',
      url: `/api/webhooks/${id}`,
      headers: { 'if-match': '"2"' },
    });
    expect(removed.status).toBe(204);
    expect(await sql('SELECT count(*)::int AS n FROM webhook_key')).toEqual([{ n: 0 }]);
  });
});
