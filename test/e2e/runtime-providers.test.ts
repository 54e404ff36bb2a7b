import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { auditRecords } from '../support/audit-records.js';
import { GatewayApp, type HttpAnswer } from '../support/gateway-app.js';
import { inFlight, until } from '../support/in-flight.js';
import { chatEvents, ScriptedUpstream, type Script } from '../support/scripted-upstream.js';

interface ProviderView {
  readonly id: string;
  readonly version: number;
  readonly state: string;
  readonly credentials: readonly { readonly id: string; readonly hint: string | null; readonly version: number }[];
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** Told only inside secrets: wherever it shows up, a secret got out. */
const CANARY = 'canary-Zx81';
const slow: Script = async (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of chatEvents()) {
    response.write(event);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  response.end();
};

const steady = new ScriptedUpstream();
const other = new ScriptedUpstream();
let gateway: GatewayApp;
let admin: string;
let key: string;
const answersOfAdmin: string[] = [];

beforeAll(async () => {
  await Promise.all([steady.start(), other.start()]);
  gateway = await GatewayApp.start();
  await gateway.provider({ name: 'steady', baseUrl: steady.url, model: 'm', prices: { input: '10', output: '10' } });
  await gateway.price('cheap-model', { input: '1', output: '1' });
  admin = gateway.token(await gateway.user('admin'));
  key = await gateway.key(await gateway.user('analyst'));
});

afterAll(async () => {
  expect(await gateway.ledger()).toEqual([]);
  expect((await gateway.verify()).findings).toEqual([]);
  await gateway.stop();
  await Promise.all([steady.stop(), other.stop()]);
});

beforeEach(() => {
  steady.seen.length = 0;
  other.seen.length = 0;
});

/** An administrator's request; its answer is kept for the search for secrets. */
async function ask(
  method: Method,
  target: string,
  body?: unknown,
  version?: number,
): Promise<HttpAnswer<ProviderView>> {
  const headers = version === undefined ? {} : { 'If-Match': `"${String(version)}"` };
  const answer = await gateway.api<ProviderView>(method, target, admin, body, headers);
  answersOfAdmin.push(answer.text, JSON.stringify(answer.headers));
  return answer;
}

/** Adds the partner that is ten times cheaper than the steady one. */
async function addCheap(name: string, secret = `${CANARY}-first-secret`): Promise<ProviderView> {
  const answer = await ask('POST', '/api/providers', {
    name,
    vendor: 'vllm',
    baseUrl: other.url,
    network: 'private',
    credential: { scheme: 'bearer', secret },
    deployments: [{ model: 'm', upstreamModel: 'cheap-model' }],
  });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return answer.json();
}

async function read(id: string): Promise<ProviderView> {
  return (await ask('GET', `/api/providers/${id}`)).json();
}

async function removeNow(id: string): Promise<void> {
  const { version } = await read(id);
  expect((await ask('DELETE', `/api/providers/${id}`, undefined, version)).status).toBe(204);
}

async function providerOfNextCall(): Promise<unknown> {
  const answer = await gateway.chat(key);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.headers['aip-provider'];
}

describe('a provider added over REST', () => {
  it('serves the next request, and after its removal the next goes to another', async () => {
    expect(await providerOfNextCall()).toBe('steady');
    const { id } = await addCheap('cheap');
    expect(await providerOfNextCall()).toBe('cheap');
    await removeNow(id);
    expect(await providerOfNextCall()).toBe('steady');
    expect((await ask('GET', `/api/providers/${id}`)).status).toBe(404);
  });

  it('gets no new attempts while it drains, and is back after resume', async () => {
    const { id, version } = await addCheap('draining');
    const drained = await ask('POST', `/api/providers/${id}/drain`, undefined, version);
    expect([drained.status, drained.json().state]).toEqual([200, 'draining']);
    expect(await providerOfNextCall()).toBe('steady');
    const resumed = await ask('POST', `/api/providers/${id}/resume`, undefined, drained.json().version);
    expect([resumed.status, resumed.json().state]).toEqual([200, 'enabled']);
    expect(await providerOfNextCall()).toBe('draining');
    await removeNow(id);
  });

  it('is disabled by itself once nothing runs there, which is on record, and comes back with resume', async () => {
    const { id, version } = await addCheap('drained');
    await ask('POST', `/api/providers/${id}/drain`, undefined, version);
    await until('it is disabled', async () => ((await read(id)).state === 'disabled' ? true : undefined), 20_000);
    const own = (await auditRecords(gateway.databaseUrl)).filter(
      ({ pub }) => pub['kind'] === 'provider' && pub['id'] === id,
    );
    expect(own.map(({ pub }) => pub['version'])).toEqual([1, 2, 3]);
    await ask('POST', `/api/providers/${id}/resume`, undefined, (await read(id)).version);
    expect(await providerOfNextCall()).toBe('drained');
    await removeNow(id);
  }, 40_000);

  it('finishes a running stream while it drains and is removed', async () => {
    other.next(slow);
    const { id } = await addCheap('leaving');
    const stream = gateway.chat(key, { stream: true });
    await until('the stream runs', () => (other.seen.length === 1 ? true : undefined));
    const { version } = await read(id);
    await ask('POST', `/api/providers/${id}/drain`, undefined, version);
    await removeNow(id);
    const { status, text } = await stream;
    expect([status, text.trim().endsWith('data: [DONE]')]).toEqual([200, true]);
  });

  it('presents a rotated credential with the next attempt', async () => {
    const { id, credentials } = await addCheap('rotated');
    await providerOfNextCall();
    const [credential] = credentials;
    const rotated = await ask('POST', `/api/providers/${id}/credentials/${credential?.id ?? ''}/rotate`, {
      secret: `${CANARY}-second-secret`,
    });
    expect(rotated.status).toBe(200);
    await providerOfNextCall();
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${CANARY}-first-secret`,
      `Bearer ${CANARY}-second-secret`,
    ]);
    await removeNow(id);
  });
});

describe('changes over REST', () => {
  it('412 for a version somebody else has changed, 428 without one, and nothing changes', async () => {
    const { id, version } = await addCheap('versioned');
    const stale = await ask('PATCH', `/api/providers/${id}`, { name: 'renamed' }, version + 7);
    expect([stale.status, stale.json<{ code: string }>().code]).toEqual([412, 'version_conflict']);
    const missing = await ask('PATCH', `/api/providers/${id}`, { name: 'renamed' });
    expect([missing.status, missing.json<{ code: string }>().code]).toEqual([428, 'precondition_required']);
    expect(await read(id)).toMatchObject({ name: 'versioned', version });
    await removeNow(id);
  });

  it('409 when a model would lose its last deployment, unless it is forced', async () => {
    await gateway.price('only-model', { input: '1', output: '1' });
    const made = await ask('POST', '/api/providers', {
      name: 'only',
      vendor: 'vllm',
      baseUrl: other.url,
      network: 'private',
      deployments: [{ model: 'only', upstreamModel: 'only-model' }],
    });
    const { id, version } = made.json();
    const policy = { name: 'std', body: { aliases: { sole: ['only'] } } };
    const created = await ask('POST', '/api/routing/policies', policy);
    expect([created.status, created.text]).toEqual([201, expect.any(String)]);
    await ask('POST', `/api/routing/policies/${created.json().id}/activate`);
    const refused = await ask('DELETE', `/api/providers/${id}`, undefined, version);
    expect([refused.status, refused.text]).toEqual([409, expect.stringContaining('Nobody else serves only.')]);
    expect(refused.text).toContain('Named by policy std@1 (alias sole).');
    expect((await ask('DELETE', `/api/providers/${id}?force=1`, undefined, version)).status).toBe(204);
  });

  it('403 for somebody who may not', async () => {
    const analyst = gateway.token(await gateway.user('analyst'));
    const answer = await gateway.api('POST', '/api/providers', analyst, { name: 'mine' });
    expect(answer.status).toBe(403);
  });

  it('show a secret in no answer, not even in a refusal of the secret itself', async () => {
    await ask('POST', '/api/providers', { name: 'Bad Name', credential: { secret: `${CANARY}-refused` } });
    await ask('POST', '/api/providers', { name: 'bad', vendor: 'vllm', credential: { secret: [`${CANARY}-list`] } });
    const { id } = await addCheap('probed', `${CANARY}-probed`);
    await ask('GET', '/api/providers');
    await ask('GET', '/api/deployments');
    await ask('POST', `/api/providers/${id}/test`);
    await removeNow(id);
    expect(answersOfAdmin.join('\n')).not.toContain(CANARY);
    // The search would find it: the answers do name the providers.
    expect(answersOfAdmin.join('\n')).toContain('probed');
  });
});

describe('two hundred requests in flight', () => {
  it('see no error while providers are added, switched off, pointed elsewhere and removed', async () => {
    const third = await new ScriptedUpstream(slow).start();
    const load = { done: false };
    const changes = (async () => {
      for (let round = 0; !load.done || round < 2; round += 1) {
        const { id, version } = await addCheap(`round-${String(round)}`);
        const moved = await ask('PATCH', `/api/providers/${id}`, { baseUrl: third.url }, version);
        expect([moved.status, moved.text]).toEqual([200, expect.any(String)]);
        const drained = await ask('POST', `/api/providers/${id}/drain`, undefined, moved.json().version);
        await ask('POST', `/api/providers/${id}/resume`, undefined, drained.json().version);
        await removeNow(id);
      }
    })();
    const answers = await inFlight(1_000, 200, (index) => gateway.chat(key, { stream: index % 2 === 0 }));
    load.done = true;
    await changes;
    expect(answers.filter(({ status }) => status !== 200).map(({ status, text }) => [status, text])).toEqual([]);
    for (const { text, headers } of answers) {
      if (String(headers['content-type']).startsWith('text/event-stream')) expect(text).toContain('data: [DONE]');
      else expect(text).toContain('Hello there.');
    }
    const providers = new Set(answers.map(({ headers }) => headers['aip-provider']));
    expect(providers.size).toBeGreaterThan(1);
    await third.stop();
  }, 120_000);
});
