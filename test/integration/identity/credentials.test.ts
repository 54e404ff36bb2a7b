import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { IdentityService, KeysService, UsersService } from '../../../src/identity/index.js';
import { keyOf, startDirectoryApp, type DirectoryApp } from './directory-app.js';

const REALM = 'Bearer realm="aip", resource_metadata="http://127.0.0.1:4100/.well-known/oauth-protected-resource"';

describe('credentials at the guard', () => {
  let world: DirectoryApp;
  const chat = { url: '/test/chat' };

  beforeAll(async () => {
    world = await startDirectoryApp();
  });
  afterAll(() => world.stop());

  it('lets a virtual key in as its user', async () => {
    const key = await keyOf(world, 'ann');
    const answer = await world.call(key, chat);
    expect(answer).toMatchObject({ status: 200, json: { userId: world.cast.users.ann.id } });
  });

  it('lets an access token of ours in, also the second time', async () => {
    const { token } = world.get(IdentityService).mintToken({ userId: world.cast.users.ann.id });
    const call = async (): Promise<number> => (await world.call({ authorization: `Bearer ${token}` }, chat)).status;
    expect([await call(), await call()]).toEqual([200, 200]);
  });

  it('challenges without an error when nothing was sent', async () => {
    const answer = await world.call(null, chat);
    expect(answer).toMatchObject({ status: 401, json: { code: 'missing_credentials' } });
    expect(answer.headers['www-authenticate']).toBe(REALM);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it.each([
    ['a key with a wrong character', (secret: string) => `${secret.slice(0, -1)}${secret.endsWith('a') ? 'b' : 'a'}`],
    ['a key of nobody', () => 'aip_live_0000000000000000000000000000000000000000000000000000000000000'],
    ['garbage', () => 'garbage'],
    ['a token without signature', () => 'eyJhbGciOiJub25lIn0.eyJpc3MiOiJ1cm46YWlwOmxvY2FsIn0.'],
    ['an HS256 token', () => 'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ1cm46YWlwOmxvY2FsIn0.AAAA'],
  ])('refuses %s as invalid_token', async (_name, make) => {
    const { secret } = await keyOf(world, 'ann');
    const answer = await world.call({ authorization: `Bearer ${make(secret)}` }, chat);
    expect(answer).toMatchObject({ status: 401, json: { code: 'invalid_token' } });
    expect(answer.headers['www-authenticate']).toBe(`${REALM}, error="invalid_token"`);
    expect(answer.text).not.toContain(secret.slice(21));
  });

  it('refuses tokens in the address or the body as an invalid request', async () => {
    const key = await keyOf(world, 'ann');
    const answer = await world.call(key, { url: `/test/chat?access_token=${key.secret}` });
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_value' } });
    expect(answer.headers['www-authenticate']).toBe(`${REALM}, error="invalid_request"`);
    expect(answer.text).not.toContain(key.secret);
    const body = { method: 'POST' as const, url: '/api/teams', body: { access_token: key.secret } };
    expect((await world.call('ada', body)).status).toBe(400);
  });

  it('names the scope that is missing', async () => {
    const answer = await world.call('cora', chat);
    expect(answer).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } });
    expect(answer.headers['www-authenticate']).toBe(`${REALM}, error="insufficient_scope", scope="chat:write"`);
  });

  it('refuses a route without a mark to everyone', async () => {
    expect(await world.call('ada', { url: '/test/unmarked' })).toMatchObject({
      status: 403,
      json: { code: 'insufficient_scope' },
    });
    expect((await world.call(null, { url: '/test/unmarked' })).status).toBe(403);
  });

  it('cuts a key to its scopes', async () => {
    const key = await keyOf(world, 'ada', { scopes: ['usage:read'] });
    expect((await world.call(key, chat)).status).toBe(403);
    expect((await world.call(key, { url: '/api/me' })).json.permissions).toEqual(['usage:read']);
  });

  it('cuts a token to its scope', async () => {
    const { token } = world.get(IdentityService).mintToken({
      userId: world.cast.users.ada.id,
      scope: ['usage:read', 'audit:export'],
    });
    expect((await world.call({ authorization: `Bearer ${token}` }, { url: '/api/me' })).json).toMatchObject({
      permissions: ['usage:read'],
      roles: ['admin'],
    });
  });

  it('accepts a bound key from its networks only', async () => {
    const here = await keyOf(world, 'ann', { cidrs: ['127.0.0.0/8'] });
    const elsewhere = await keyOf(world, 'ann', { cidrs: ['10.20.0.0/16', '2001:db8::/32'] });
    expect((await world.call(here, chat)).status).toBe(200);
    expect(await world.call(elsewhere, chat)).toMatchObject({ status: 401, json: { code: 'invalid_token' } });
  });

  it('ends a key when it is revoked', async () => {
    const key = await keyOf(world, 'ann');
    expect((await world.call(key, chat)).status).toBe(200);
    await world.get(KeysService).revokeKey({ kind: 'system', orgId: world.cast.orgId }, key.id);
    expect((await world.call(key, chat)).status).toBe(401);
  });

  it('ends keys and tokens of a user who is disabled', async () => {
    const users = world.get(UsersService);
    const system = { kind: 'system', orgId: world.cast.orgId } as const;
    const user = await users.createUser(system, {
      kind: 'person',
      email: 'gone@example.org',
      displayName: 'Gone',
      roles: [{ role: 'analyst', teamId: null, grants: [] }],
    });
    const { secret } = await world.get(KeysService).createKey(system, { name: 'k', userId: user.id });
    const { token } = world.get(IdentityService).mintToken({ userId: user.id });
    const all = [secret, token].map((credential) => ({ authorization: `Bearer ${credential}` }));
    for (const credential of all) expect((await world.call(credential, chat)).status).toBe(200);
    await users.disableUser(system, user.id);
    for (const credential of all) expect((await world.call(credential, chat)).status).toBe(401);
  });

  it('says whose rights a caller has', async () => {
    const key = await keyOf(world, 'lea', { live: false, batch: true, models: ['sim-small'] });
    expect((await world.call(key, { url: '/api/me' })).json).toMatchObject({
      userId: world.cast.users.lea.id,
      organisation: { name: 'Agency' },
      team: { name: 'Homicide' },
      credential: { kind: 'virtual_key', id: key.id },
      entitlements: { models: ['sim-small'], simulated: true, batch: true, maxCriticality: 'critical' },
    });
  });

  it('publishes the key that verifies its tokens', async () => {
    const jwks = await world.call(null, { url: '/.well-known/jwks.json' });
    expect(jwks).toMatchObject({
      status: 200,
      json: { keys: [{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' }] },
    });
    expect(jwks.text).not.toContain('"d"');
    const resource = await world.call(null, { url: '/.well-known/oauth-protected-resource' });
    expect(resource.json).toMatchObject({ bearer_methods_supported: ['header'] });
  });

  it('finds a key in microseconds', async () => {
    const { authorization } = await keyOf(world, 'ann');
    const identity = world.get(IdentityService);
    const rounds = 20_000;
    for (let round = 0; round < rounds; round++) void identity.authenticate(authorization, '127.0.0.1');
    const started = performance.now();
    for (let round = 0; round < rounds; round++) void identity.authenticate(authorization, '127.0.0.1');
    const micros = ((performance.now() - started) * 1000) / rounds;
    process.stderr.write(`authenticate by key: ${micros.toFixed(2)} µs\n`);
    expect(micros).toBeLessThan(100);
  });
});
