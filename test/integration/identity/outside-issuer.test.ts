import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { UsersService } from '../../../src/identity/index.js';
import { startDirectoryApp, type Answer, type DirectoryApp } from './directory-app.js';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('tokens of an outside issuer', () => {
  let server: Server;
  let issuer: string;
  let world: DirectoryApp;
  let requests = 0;
  let known: KeyObject;
  let unknown: KeyObject;

  function token(change: object = {}, options: { key?: KeyObject; kid?: string; alg?: string } = {}): string {
    const now = Math.floor(Date.now() / 1000); // eslint-disable-line no-restricted-syntax -- the token must be valid now
    const head = encode({ alg: options.alg ?? 'ES256', kid: options.kid ?? 'one', typ: 'at+jwt' });
    const payload = {
      iss: issuer,
      aud: 'aip',
      sub: 'subject-1',
      client_id: 'console',
      jti: 'j',
      iat: now,
      exp: now + 300,
    };
    const text = `${head}.${encode({ ...payload, ...change })}`;
    const signature = sign('sha256', Buffer.from(text), { key: options.key ?? known, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }

  const me = (credential: string): Promise<Answer> =>
    world.call({ authorization: `Bearer ${credential}` }, { url: '/api/me' });

  beforeAll(async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    known = pair.privateKey;
    unknown = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    server = createServer((request, response) => {
      requests++;
      const jwks = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' }] };
      const isJwks = request.url === '/keys';
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(isJwks ? jwks : { issuer, jwks_uri: `${issuer}/keys` }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    world = await startDirectoryApp({
      environment: {
        AIP_OIDC_ISSUER: issuer,
        AIP_OIDC_AUDIENCE: 'aip',
        AIP_OIDC_ROLE_CLAIM: '/groups',
        AIP_OIDC_ROLE_MAP: '{"leads":"lead"}',
      },
    });
    await world.get(UsersService).createUser(
      { kind: 'system', orgId: world.cast.orgId },
      {
        kind: 'person',
        email: 'sso@example.org',
        displayName: 'Single Sign-on',
        teamId: world.cast.teamId,
        externalSubject: `${issuer}|subject-1`,
        roles: [{ role: 'analyst', teamId: null, grants: [] }],
      },
    );
  });
  afterAll(async () => {
    await world.stop();
    await new Promise((resolve) => server.close(resolve));
  });

  it('are matched to a user by subject, with managed roles and those of the claim', async () => {
    expect((await me(token())).json).toMatchObject({ email: 'sso@example.org', roles: ['analyst'] });
    const lead = await me(token({ groups: ['leads', 'others'] }));
    expect(lead.json.roles).toEqual(['analyst', 'lead']);
    expect(lead.json.permissions).toContain('case:write');
  });

  it('are refused for a subject nobody here has, and say what to do', async () => {
    const answer = await me(token({ sub: 'stranger' }));
    expect(answer).toMatchObject({ status: 401, json: { code: 'invalid_token' } });
    expect(answer.json.detail).toContain('Ask an administrator');
  });

  it.each([
    ['signed by another key', () => token({}, { key: unknown })],
    ['naming an unknown key', () => token({}, { kid: 'two', key: unknown })],
    ['for another audience', () => token({ aud: 'urn:aip:api' })],
    ['of our own issuer signed by theirs', () => token({ iss: 'urn:aip:local', aud: 'urn:aip:api' })],
    ['of an issuer nobody trusts', () => token({ iss: 'https://evil.example' })],
    ['with another algorithm in the header', () => token({}, { alg: 'RS256' })],
    ['with their payload changed', () => token().replace(/\.[^.]+\./, `.${encode({ sub: 'admin' })}.`)],
    ['that expired', () => token({ iat: 1_700_000_000, exp: 1_700_000_300 })],
  ])('are refused when %s', async (_name, make) => {
    expect(await me(make())).toMatchObject({ status: 401, json: { code: 'invalid_token' } });
  });

  it('do not make us ask the issuer again and again for keys it does not have', async () => {
    const before = requests;
    for (let count = 0; count < 20; count++) await me(token({}, { kid: `made-up-${String(count)}`, key: unknown }));
    expect(requests - before).toBeLessThanOrEqual(2);
  });
});
