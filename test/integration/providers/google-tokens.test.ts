import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { SystemClock } from '../../../src/platform/clock/index.js';
import { ProvidersConfig } from '../../../src/platform/config/index.js';
import { CredentialUnusable } from '../../../src/providers/credential-unusable.error.js';
import type { AuthTarget } from '../../../src/providers/credential-scheme.js';
import { GoogleTokens } from '../../../src/providers/google-tokens.js';
import { Secret } from '../../../src/platform/secrets/index.js';
import { SimulatedOrigins } from '../../../src/providers/simulated-origins.js';
import { Transport, type OutboundRequest } from '../../../src/providers/transport.js';
import { ScriptedUpstream } from '../../support/scripted-upstream.js';
import { CallRig } from './call-rig.js';

class ShiftableClock extends SystemClock {
  shiftMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.shiftMs;
  }
}

interface Exchange {
  readonly path: string;
  readonly form: URLSearchParams;
}

type Answer = (nth: number) => { readonly status: number; readonly body: string };

const REQUEST: OutboundRequest = { method: 'POST', path: '/x', headers: {}, body: null };
const TARGET: AuthTarget = { baseUrl: 'http://127.0.0.1', network: 'private', region: null };
const grant: Answer = (nth) => ({
  status: 200,
  body: JSON.stringify({ access_token: `token-${String(nth)}`, expires_in: 3_600, token_type: 'Bearer' }),
});

let pem: string;
let server: Server;
let exchanges: Exchange[];
let answer: Answer;
let clock: ShiftableClock;
let transport: Transport;
let tokens: GoogleTokens;

beforeAll(() => {
  pem = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
});

beforeEach(async () => {
  exchanges = [];
  answer = grant;
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      exchanges.push({ path: request.url ?? '', form: new URLSearchParams(Buffer.concat(parts).toString()) });
      const { status, body } = answer(exchanges.length);
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  clock = new ShiftableClock();
  transport = new Transport(new ProvidersConfig('', ['127.0.0.0/8'], true), new SimulatedOrigins(), clock);
  tokens = new GoogleTokens(transport, clock);
});

afterEach(async () => {
  await transport.onApplicationShutdown();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function account(more: object = {}): string {
  const uri = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/token`;
  return JSON.stringify({
    type: 'service_account',
    client_email: 'gateway@acme.iam.gserviceaccount.com',
    private_key_id: 'key-1',
    private_key: pem,
    token_uri: uri,
    ...more,
  });
}

const ask = async (secret: Secret): Promise<string | undefined> =>
  (await tokens.prepare(REQUEST, TARGET, secret))['authorization'];

/** Lets a renewal in the background finish. */
async function exchanged(times: number): Promise<void> {
  for (let turn = 0; turn < 400 && exchanges.length < times; turn += 1) await clock.sleep(5);
  await clock.sleep(30);
}

describe('tokens of service accounts', () => {
  it('sign an assertion as RFC 7523 wants it', async () => {
    expect(await ask(new Secret(account()))).toBe('Bearer token-1');
    const form = exchanges[0]?.form;
    expect(form?.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [header = '', claims = '', signature = ''] = (form?.get('assertion') ?? '').split('.');
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(read(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    const { iat, exp, ...rest } = read(claims) as { iat: number; exp: number };
    expect(rest).toEqual({
      iss: 'gateway@acme.iam.gserviceaccount.com',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      aud: (JSON.parse(account()) as { token_uri: string }).token_uri,
    });
    expect(exp - iat).toBe(3_600);
    expect(Math.abs(iat * 1_000 - clock.nowMs())).toBeLessThan(60_000);
    const isSigned = verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${claims}`),
      createPublicKey(pem),
      Buffer.from(signature, 'base64url'),
    );
    expect(isSigned).toBe(true);
  });

  it('are fetched once for everybody who waits, and then are there at once', async () => {
    const secret = new Secret(account());
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(secret)));
    expect(new Set(answers)).toEqual(new Set(['Bearer token-1']));
    expect(tokens.prepare(REQUEST, TARGET, secret)).toEqual({ authorization: 'Bearer token-1' });
    expect(exchanges).toHaveLength(1);
  });

  it('are replaced at 80 % of their life while the old one still serves', async () => {
    const secret = new Secret(account());
    await ask(secret);
    clock.shiftMs = 2_870_000;
    expect(tokens.prepare(REQUEST, TARGET, secret)).toEqual({ authorization: 'Bearer token-1' });
    expect(exchanges).toHaveLength(1);
    clock.shiftMs = 2_890_000;
    expect(tokens.prepare(REQUEST, TARGET, secret)).toEqual({ authorization: 'Bearer token-1' });
    await exchanged(2);
    expect(tokens.prepare(REQUEST, TARGET, secret)).toEqual({ authorization: 'Bearer token-2' });
  });

  it('serve on while the renewal fails, which is tried again after a while and not at every request', async () => {
    const secret = new Secret(account());
    await ask(secret);
    answer = () => ({ status: 503, body: '' });
    clock.shiftMs = 3_000_000;
    await ask(secret);
    await exchanged(2);
    expect(await ask(secret)).toBe('Bearer token-1');
    expect(exchanges).toHaveLength(2);
    answer = grant;
    clock.shiftMs += 6_000;
    expect(await ask(secret)).toBe('Bearer token-1');
    await exchanged(3);
    expect(await ask(secret)).toBe('Bearer token-3');
  });

  it('are waited for once they have ended', async () => {
    const secret = new Secret(account());
    await ask(secret);
    clock.shiftMs = 3_600_000;
    expect(await ask(secret)).toBe('Bearer token-2');
  });

  it('belong to one version of a secret', async () => {
    expect(await ask(new Secret(account()))).toBe('Bearer token-1');
    expect(await ask(new Secret(account()))).toBe('Bearer token-2');
  });

  it('a refused key says so, and is not offered again for a while', async () => {
    answer = () => ({ status: 400, body: '{"error":"invalid_grant","error_description":"Invalid JWT"}' });
    const secret = new Secret(account());
    await expect(ask(secret)).rejects.toEqual(new CredentialUnusable('invalid_grant'));
    await expect(ask(secret)).rejects.toMatchObject({ code: 'invalid_grant' });
    expect(exchanges).toHaveLength(1);
  });

  it.each([
    ['no JSON', 'AIzaSyNoServiceAccount', 'no_service_account'],
    ['no key', '{"client_email":"a@b"}', 'no_service_account'],
    ['a broken key', '{"client_email":"a@b","private_key":"-----BEGIN"}', 'key_unreadable'],
  ])('%s is refused without a word of it', async (_name, text, code) => {
    const error = await ask(new Secret(text)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CredentialUnusable);
    expect(error).toMatchObject({ code, message: 'The credential cannot be used' });
  });

  it.each(['http://oauth2.googleapis.com/token', 'https://evil.example/token', 'https://googleapis.com.evil.example/'])(
    'a public deployment exchanges its key with Google only, never at %s',
    async (uri) => {
      const secret = new Secret(account({ token_uri: uri }));
      const asked = Promise.resolve(tokens.prepare(REQUEST, { ...TARGET, network: 'public' }, secret));
      await expect(asked).rejects.toMatchObject({ code: 'token_uri_refused' });
      expect(exchanges).toHaveLength(0);
    },
  );

  it('an endpoint that is away is no refusal of the key', async () => {
    const secret = new Secret(account({ token_uri: 'http://127.0.0.1:9/token' }));
    const error = await ask(secret).catch((thrown: unknown) => thrown);
    expect(error).not.toBeInstanceOf(CredentialUnusable);
    expect(error).toHaveProperty('code');
  });
});

describe('a call with a service account', () => {
  let rig: CallRig;
  let partner: ScriptedUpstream;
  beforeEach(async () => {
    rig = new CallRig();
    partner = await new ScriptedUpstream().start();
  });
  afterEach(async () => {
    await partner.stop();
    await rig.stop();
  });

  it('carries the token, and the key never leaves', async () => {
    const deployment = rig.deployment(partner.url);
    const credential = rig.credential(deployment.providerId, account(), { scheme: 'google_sa' });
    rig.adopt([credential]);
    const { text } = await rig.run([{ ...deployment, credentialIds: [credential.id] }]);
    expect(text).not.toBe('');
    expect(partner.seen[0]?.headers.authorization).toBe('Bearer token-1');
    const body = pem.split('\n')[1] ?? pem;
    expect(JSON.stringify([partner.seen, exchanges.map(({ form }) => [...form])])).not.toContain(body);
  });

  it('goes to the next candidate when the key is refused, and rests the credential', async () => {
    answer = () => ({ status: 401, body: '{"error":"invalid_client"}' });
    const deployment = rig.deployment(partner.url);
    const credential = rig.credential(deployment.providerId, account(), { scheme: 'google_sa' });
    rig.adopt([credential]);
    const first = { ...deployment, credentialIds: [credential.id] };
    const { text, call } = await rig.run([first, rig.deployment(partner.url)]);
    expect(text).not.toBe('');
    expect(call.attempts[0]).toMatchObject({ failureClass: 'credential', billed: 'no', vendorCode: 'invalid_client' });
    expect(rig.vault.isUsable(first, rig.clock.nowMs())).toBe(false);
    expect(partner.seen).toHaveLength(1);
  });

  it('is probed with its token', async () => {
    const deployment = rig.deployment(partner.url);
    const credential = rig.credential(deployment.providerId, account(), { scheme: 'google_sa' });
    rig.adopt([credential]);
    const probed = { ...deployment, credentialIds: [credential.id] };
    expect(await rig.probe.probe(probed)).toMatchObject({ ok: true, problem: 'none' });
    expect(exchanges).toHaveLength(1);
    const other = rig.credential(deployment.providerId, 'no key at all', { scheme: 'google_sa' });
    rig.adopt([other]);
    expect(await rig.probe.probe({ ...probed, credentialIds: [other.id] })).toMatchObject({
      ok: false,
      problem: 'credential',
    });
  });
});
