import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { KeysService } from '../../../src/identity/index.js';
import { keyOf, recordsOf, startDirectoryApp, type DirectoryApp, type Person } from './directory-app.js';

describe('the administration of access', () => {
  let world: DirectoryApp;

  beforeAll(async () => {
    world = await startDirectoryApp();
  });
  afterAll(() => world.stop());

  const newUser = (name: string): object => ({
    email: `${name}@Example.org`,
    displayName: name,
    teamId: world.cast.teamId,
    roles: [{ role: 'analyst' }],
  });

  describe('users', () => {
    it('are made, changed with their version, and disabled', async () => {
      const made = await world.call('ada', { method: 'POST', url: '/api/users', body: newUser('nina') });
      expect(made).toMatchObject({ status: 201, json: { email: 'nina@example.org', state: 'active', version: 1 } });
      const url = `/api/users/${made.json.id}`;
      const change = { method: 'PATCH' as const, url, body: { displayName: 'Nina', roles: [{ role: 'lead' }] } };
      expect((await world.call('ada', change)).status).toBe(428);
      const patched = await world.call('ada', { ...change, headers: { 'if-match': '"1"' } });
      expect(patched).toMatchObject({
        status: 200,
        json: { displayName: 'Nina', version: 2, roles: [{ role: 'lead' }] },
      });
      expect((await world.call('ada', { ...change, headers: { 'if-match': '"1"' } })).status).toBe(412);
      const disabled = await world.call('ada', { method: 'POST', url: `${url}/disable` });
      expect(disabled).toMatchObject({ status: 200, json: { state: 'disabled', version: 3 } });
      expect((await world.call('ada', { url })).json.state).toBe('disabled');
    });

    it('have an e-mail address of their own in the organisation', async () => {
      const body = newUser('twice');
      expect((await world.call('ada', { method: 'POST', url: '/api/users', body })).status).toBe(201);
      expect(await world.call('ada', { method: 'POST', url: '/api/users', body })).toMatchObject({
        status: 409,
        json: { code: 'conflict' },
      });
      const elsewhere = { ...body, teamId: null };
      expect((await world.call('eve', { method: 'POST', url: '/api/users', body: elsewhere })).status).toBe(201);
    });

    it.each([
      ['a team of another organisation', { teamId: '0199f3a2-7c1e-7b3a-8000-000000000001' }],
      ['a grant that the role cannot have', { roles: [{ role: 'analyst', grants: ['user:write'] }] }],
      ['the service role for a person', { roles: [{ role: 'service' }] }],
      ['a role twice', { roles: [{ role: 'lead' }, { role: 'lead' }] }],
      ['no address', { email: null }],
      ['an unknown member', { admin: true }],
    ])('are refused with %s', async (_name, change) => {
      const body = { ...newUser('wrong'), ...change };
      expect((await world.call('ada', { method: 'POST', url: '/api/users', body })).status).toBe(400);
    });

    it('always leave one active administrator', async () => {
      const { ada } = world.cast.users;
      const answer = await world.call('ada', { method: 'POST', url: `/api/users/${ada.id}/disable` });
      expect(answer).toMatchObject({ status: 409, json: { code: 'conflict' } });
    });

    it('are listed page by page in a stable order', async () => {
      const first = await world.call('ada', { url: '/api/users?limit=3' });
      expect(first.json.data).toHaveLength(3);
      const rest = await world.call('ada', { url: `/api/users?limit=200&cursor=${String(first.json.next)}` });
      const ids = [...first.json.data, ...rest.json.data].map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).toContain(world.cast.users.system.id);
      const wrong = await world.call('ada', { url: `/api/users?state=active&cursor=${String(first.json.next)}` });
      expect(wrong.status).toBe(400);
    });

    it('of other teams are hidden from a lead, of other organisations from everyone', async () => {
      const list = await world.call('lea', { url: '/api/users?limit=200' });
      const teams = new Set(list.json.data.map(({ teamId }) => teamId));
      expect([...teams]).toEqual([world.cast.teamId]);
      const byTeam = await world.call('lea', { url: `/api/users?teamId=${world.cast.otherTeamId}` });
      expect(byTeam.json.data).toEqual([]);
      expect((await world.call('lea', { url: `/api/users/${world.cast.users.bob.id}` })).status).toBe(404);
      expect((await world.call('ann', { url: `/api/users/${world.cast.users.bob.id}` })).status).toBe(404);
      expect((await world.call('ann', { url: `/api/users/${world.cast.users.ann.id}` })).status).toBe(200);
      expect((await world.call('eve', { url: `/api/users/${world.cast.users.ann.id}` })).status).toBe(404);
    });
  });

  it.each<Person>(['ann', 'lea', 'otto', 'cora', 'system'])('refuses administration to %s', async (who) => {
    const url = `/api/users/${world.cast.users.bob.id}`;
    const calls = [
      { method: 'POST' as const, url: '/api/users', body: newUser('nobody') },
      { method: 'PATCH' as const, url, body: {}, headers: { 'if-match': '"1"' } },
      { method: 'POST' as const, url: `${url}/disable` },
      { method: 'POST' as const, url: '/api/teams', body: { name: 'x' } },
      { method: 'PATCH' as const, url: '/api/organisation', body: { name: 'x' }, headers: { 'if-match': '"1"' } },
    ];
    for (const request of calls) expect((await world.call(who, request)).status).toBe(403);
  });

  it('puts every change on record, names of fields in the clear and values not', async () => {
    const before = (await recordsOf(world, 'access.change')).length;
    const made = await world.call('ada', { method: 'POST', url: '/api/teams', body: { name: 'Undercover' } });
    const { secret, id } = await keyOf(world, 'ann');
    await world.call('ada', { method: 'POST', url: '/api/teams', body: { name: 'Undercover' } });
    const records = (await recordsOf(world, 'access.change')).slice(before);
    expect(records).toHaveLength(2);
    expect(records[0]).toContain(`"fields":["createdAtMs","name"],"id":"${made.json.id}","kind":"team","version":1`);
    expect(records[1]).toContain(`"id":"${id}","kind":"key"`);
    for (const text of ['Undercover', secret, secret.slice(21, 64)]) expect(records.join()).not.toContain(text);
  });

  it('lists the roles and the teams', async () => {
    expect((await world.call('ann', { url: '/api/roles' })).json.data).toHaveLength(6);
    const made = await world.call('ada', { method: 'POST', url: '/api/teams', body: { name: 'Cyber' } });
    expect(made.status).toBe(201);
    const again = await world.call('ada', { method: 'POST', url: '/api/teams', body: { name: 'Cyber' } });
    expect(again.status).toBe(409);
    const url = `/api/teams/${made.json.id}`;
    const renamed = { method: 'PATCH' as const, url, body: { name: 'Cybercrime' }, headers: { 'if-match': '"1"' } };
    expect(await world.call('ada', renamed)).toMatchObject({ status: 200, json: { name: 'Cybercrime', version: 2 } });
    expect((await world.call('eve', renamed)).status).toBe(404);
    const names = (await world.call('ann', { url: '/api/teams' })).json.data.map(({ name }) => name);
    expect(names).toEqual(['Homicide', 'Fraud', 'Undercover', 'Cybercrime']);
  });

  it('changes what the organisation demands of a call', async () => {
    const { version } = (await world.call('ada', { url: '/api/organisation' })).json;
    const answer = await world.call('ada', {
      method: 'PATCH',
      url: '/api/organisation',
      body: { requirePurpose: true },
      headers: { 'if-match': `"${String(version)}"`, 'content-type': 'application/merge-patch+json' },
    });
    expect(answer).toMatchObject({ status: 200, json: { requirePurpose: true, requireInvestigation: false } });
  });

  describe('keys', () => {
    it('show their secret once and work at once', async () => {
      const made = await world.call('ann', { method: 'POST', url: '/api/keys', body: { name: 'script' } });
      expect(made.status).toBe(201);
      const { secret, id, prefix } = made.json;
      expect(secret.startsWith(prefix)).toBe(true);
      expect((await world.call({ authorization: `Bearer ${secret}` }, { url: '/test/chat' })).status).toBe(200);
      const shown = await world.call('ann', { url: `/api/keys/${id}` });
      expect(shown.text).not.toContain(secret.slice(21));
      expect(shown.json.secret).toBeUndefined();
      const revoked = await world.call('ann', { method: 'POST', url: `/api/keys/${id}/revoke` });
      expect(revoked).toMatchObject({ status: 200, json: { revokedAt: expect.any(String) as unknown } });
      expect((await world.call({ authorization: `Bearer ${secret}` }, { url: '/test/chat' })).status).toBe(401);
      expect((await world.call('ann', { method: 'POST', url: `/api/keys/${id}/revoke` })).status).toBe(200);
    });

    it('are seen by their owner, their lead and administrators only', async () => {
      const key = await keyOf(world, 'ann');
      const url = `/api/keys/${key.id}`;
      const sees = async (who: Person): Promise<[number, boolean]> => {
        const list = (await world.call(who, { url: '/api/keys?limit=200' })).json.data;
        return [(await world.call(who, { url })).status, list.some(({ id }) => id === key.id)];
      };
      for (const who of ['ann', 'lea', 'ada'] as const) expect(await sees(who)).toEqual([200, true]);
      for (const who of ['bob', 'leo', 'eve'] as const) expect(await sees(who)).toEqual([404, false]);
      for (const who of ['otto', 'cora', 'system'] as const) expect((await world.call(who, { url })).status).toBe(403);
      for (const who of ['bob', 'leo', 'eve'] as const) {
        expect((await world.call(who, { method: 'POST', url: `${url}/revoke` })).status).toBe(404);
      }
    });

    it('are made for others only within reach', async () => {
      const make = async (who: Person, owner: Person, more: object = {}): Promise<number> => {
        const body = { name: 'k', userId: world.cast.users[owner].id, ...more };
        return (await world.call(who, { method: 'POST', url: '/api/keys', body })).status;
      };
      expect(await make('lea', 'ann')).toBe(201);
      expect(await make('lea', 'bob')).toBe(404);
      expect(await make('ann', 'lea')).toBe(404);
      expect(await make('ada', 'system', { scopes: ['chat:write', 'chat:delegate'] })).toBe(201);
      expect(await make('ada', 'eve')).toBe(404);
      expect(await make('ann', 'ann', { scopes: ['user:write'] })).toBe(403);
      expect(await make('ann', 'ann', { maxCriticality: 'critical-plus' })).toBe(403);
      expect(await make('ann', 'ann', { cidrs: ['10.0.0.0'] })).toBe(400);
      expect(await make('ann', 'ann', { expiresAt: '2020-01-01T00:00:00Z' })).toBe(400);
      expect(await make('ann', 'ann', { expiresAt: '2099-01-01T00:00:00Z' })).toBe(400);
    });

    it('cannot be made with a key that lacks user:write', async () => {
      const key = await keyOf(world, 'ann', { scopes: ['chat:write', 'key:write'] });
      const answer = await world.call(key, { method: 'POST', url: '/api/keys', body: { name: 'child' } });
      expect(answer).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } });
    });

    it('keep nothing in the database that would let a reader use them', async () => {
      const { secret, id } = await keyOf(world, 'ann');
      const key = await world.get(KeysService).findKey({ kind: 'system', orgId: world.cast.orgId }, id);
      expect(JSON.stringify(key)).not.toContain(secret.slice(21, 64));
    });
  });
});
