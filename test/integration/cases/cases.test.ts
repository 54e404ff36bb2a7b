import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Answer, DirectoryApp, Person } from '../identity/directory-app.js';
import { anInvestigation, reference, startCaseApp } from './case-app.js';

const UNKNOWN = '0199f3a2-7c1e-7b3a-8000-000000000001';

let world: DirectoryApp;

beforeAll(async () => {
  world = await startCaseApp();
});
afterAll(() => world.stop());

describe('investigations', () => {
  it('are made and changed by the same PUT of the case system', async () => {
    const url = `/api/investigations/${reference()}`;
    const body = { title: 'Alder', teamId: world.cast.teamId, access: 'team', members: [world.cast.users.bob.id] };
    const made = await world.call('system', { method: 'PUT', url, body });
    expect(made).toMatchObject({ status: 201, json: { title: 'Alder', state: 'open', access: 'team', version: 1 } });
    const same = await world.call('system', { method: 'PUT', url, body });
    expect(same).toMatchObject({ status: 200, json: { id: made.json.id, version: 1 } });
    const changed = await world.call('system', { method: 'PUT', url, body: { title: 'Alder II' } });
    expect(changed).toMatchObject({ status: 200, json: { title: 'Alder II', access: 'team', version: 2 } });
    const members = await world.call('system', { url: `${url}/members` });
    expect(members.json.data).toMatchObject([{ userId: world.cast.users.bob.id }]);
  });

  it('are made once when two systems put the same reference at the same moment', async () => {
    const url = `/api/investigations/${reference()}`;
    const put = (): Promise<Answer> => world.call('system', { method: 'PUT', url, body: { title: 'Race' } });
    const answers = await Promise.all([put(), put(), put(), put()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
  });

  it('are refused under a reference that is taken, or that looks like an id', async () => {
    const { externalRef } = await anInvestigation(world);
    const post = (ref: string): Promise<Answer> =>
      world.call('ada', { method: 'POST', url: '/api/investigations', body: { externalRef: ref, title: 'x' } });
    expect(await post(externalRef)).toMatchObject({ status: 409, json: { code: 'conflict' } });
    expect((await post(UNKNOWN)).status).toBe(400);
    expect((await post('a b')).status).toBe(400);
    expect((await post(reference())).status).toBe(201);
  });

  it('are found by id and by reference, and patched at their version', async () => {
    const { id, externalRef } = await anInvestigation(world, { title: 'Birch' });
    for (const name of [id, externalRef]) {
      expect((await world.call('ada', { url: `/api/investigations/${name}` })).json.id).toBe(id);
    }
    const patch = {
      method: 'PATCH' as const,
      url: `/api/investigations/${externalRef}`,
      body: { purposeRequired: true },
    };
    expect((await world.call('ada', patch)).status).toBe(428);
    expect(await world.call('ada', { ...patch, headers: { 'if-match': '"1"' } })).toMatchObject({
      status: 200,
      json: { purposeRequired: true, title: 'Birch', version: 2 },
    });
    expect((await world.call('ada', { ...patch, headers: { 'if-match': '"1"' } })).status).toBe(412);
  });

  it('close and open again, and each twice without an error', async () => {
    const { id } = await anInvestigation(world);
    const to = (state: string): Promise<Answer> =>
      world.call('ada', { method: 'POST', url: `/api/investigations/${id}/${state}` });
    const closed = await to('close');
    expect(closed).toMatchObject({ status: 200, json: { state: 'closed', closedAt: expect.any(String) as unknown } });
    expect((await to('close')).json.version).toBe(2);
    expect(await to('reopen')).toMatchObject({ status: 200, json: { state: 'open', closedAt: null, version: 3 } });
    expect((await to('reopen')).json.version).toBe(3);
  });

  it('gain and lose members', async () => {
    const { id } = await anInvestigation(world);
    const url = `/api/investigations/${id}/members`;
    const add = (userIds: string[]): Promise<Answer> => world.call('ada', { method: 'POST', url, body: { userIds } });
    expect((await add([world.cast.users.ann.id, world.cast.users.ann.id])).json.data).toHaveLength(1);
    expect((await add([world.cast.users.eve.id])).status).toBe(400);
    expect((await add([UNKNOWN])).status).toBe(400);
    const remove = { method: 'DELETE' as const, url: `${url}/${world.cast.users.ann.id}` };
    expect((await world.call('ada', remove)).status).toBe(204);
    expect((await world.call('ada', remove)).status).toBe(404);
  });

  it('of a lead stay in the lead’s own team', async () => {
    const make = (body: object): Promise<Answer> =>
      world.call('lea', { method: 'POST', url: '/api/investigations', body: { title: 'x', ...body } });
    const own = await make({ externalRef: reference() });
    expect(own).toMatchObject({ status: 201, json: { teamId: world.cast.teamId } });
    expect((await make({ externalRef: reference(), teamId: world.cast.otherTeamId })).status).toBe(403);
    expect((await make({ externalRef: reference(), teamId: null })).status).toBe(403);
    expect((await make({ externalRef: reference(), teamId: UNKNOWN })).status).toBe(400);
    const move = { teamId: world.cast.otherTeamId };
    const url = `/api/investigations/${own.json.id}`;
    const moved = await world.call('lea', { method: 'PATCH', url, body: move, headers: { 'if-match': '"1"' } });
    expect(moved.status).toBe(403);
  });
});

describe('who sees which investigation', () => {
  const EVERYONE = ['ann', 'bob', 'lea', 'leo', 'otto', 'ada', 'cora', 'system', 'eve'] as const;
  const ALWAYS = ['otto', 'ada', 'cora', 'system'];

  it.each<[string, (cast: DirectoryApp['cast']) => object, readonly string[]]>([
    ['for members', (cast) => ({ teamId: cast.teamId }), ['lea']],
    ['for members with bob', (cast) => ({ teamId: cast.teamId, members: [cast.users.bob.id] }), ['lea', 'bob']],
    ['for the team', (cast) => ({ teamId: cast.teamId, access: 'team' }), ['lea', 'ann']],
    ['for the organisation', () => ({ access: 'organisation' }), ['ann', 'bob', 'lea', 'leo']],
    ['for a team that is missing', () => ({ teamId: null, access: 'team' }), []],
  ])('one %s, alone and in lists', async (_name, body, others) => {
    const { id, externalRef } = await anInvestigation(world, body(world.cast));
    const expected = [...ALWAYS, ...others];
    for (const who of EVERYONE) {
      const found = await world.call(who, { url: `/api/investigations/${externalRef}` });
      expect([who, found.status]).toEqual([who, expected.includes(who) ? 200 : 404]);
      const list = await world.call(who, { url: '/api/investigations?limit=200' });
      const listed = list.json.data.some((one) => one.id === id);
      expect([who, listed]).toEqual([who, expected.includes(who)]);
    }
  });

  it('and who may change it', async () => {
    const { id } = await anInvestigation(world, { teamId: world.cast.teamId, access: 'team' });
    const close = async (who: Person): Promise<number> =>
      (await world.call(who, { method: 'POST', url: `/api/investigations/${id}/close` })).status;
    for (const who of ['ann', 'bob', 'otto', 'cora'] as const) expect([who, await close(who)]).toEqual([who, 403]);
    for (const who of ['leo', 'eve'] as const) expect([who, await close(who)]).toEqual([who, 404]);
    for (const who of ['lea', 'ada', 'system'] as const) expect([who, await close(who)]).toEqual([who, 200]);
    const shared = await anInvestigation(world, { access: 'organisation' });
    const patch = { method: 'POST' as const, url: `/api/investigations/${shared.id}/close` };
    expect((await world.call('leo', patch)).status).toBe(403);
  });

  it('list by state, team and member, page by page', async () => {
    const { id } = await anInvestigation(world, { members: [world.cast.users.leo.id] });
    const byMember = await world.call('ada', { url: `/api/investigations?memberId=${world.cast.users.leo.id}` });
    expect(byMember.json.data.map((one) => one.id)).toEqual([id]);
    const closed = await world.call('ada', { url: '/api/investigations?state=closed&limit=200' });
    expect(new Set(closed.json.data.map((one) => one.state))).toEqual(new Set(['closed']));
    const first = await world.call('ada', { url: '/api/investigations?limit=2' });
    const second = await world.call('ada', { url: `/api/investigations?limit=2&cursor=${String(first.json.next)}` });
    const ids = [...first.json.data, ...second.json.data].map((one) => one.id);
    expect(new Set(ids).size).toBe(4);
  });
});

describe('operations and purposes', () => {
  it('belong to an investigation or to the whole organisation', async () => {
    const { id, externalRef } = await anInvestigation(world, { teamId: world.cast.teamId });
    const make = (who: Person, body: object): Promise<Answer> =>
      world.call(who, {
        method: 'POST',
        url: '/api/operations',
        body: { externalRef: reference(), title: 'Raid', ...body },
      });
    const narrow = await make('lea', { investigation: externalRef });
    expect(narrow).toMatchObject({ status: 201, json: { investigationId: id, state: 'open' } });
    const wide = await make('ada', {});
    expect(wide).toMatchObject({ status: 201, json: { investigationId: null } });
    expect((await make('lea', {})).status).toBe(403);
    expect((await make('leo', { investigation: id })).status).toBe(404);
    const taken = { externalRef: narrow.json.externalRef, investigation: id };
    expect((await make('lea', taken)).status).toBe(409);

    const url = `/api/operations/${narrow.json.id}`;
    expect((await world.call('lea', { url })).status).toBe(200);
    for (const who of ['ann', 'leo', 'eve'] as const) expect((await world.call(who, { url })).status).toBe(404);
    const listed = (await world.call('leo', { url: '/api/operations' })).json.data;
    expect(listed.map((one) => one.id)).toEqual([wide.json.id]);

    const close = { method: 'PATCH' as const, url, body: { state: 'closed' }, headers: { 'if-match': '"1"' } };
    expect((await world.call('leo', close)).status).toBe(404);
    expect(await world.call('lea', close)).toMatchObject({ status: 200, json: { state: 'closed', version: 2 } });
  });

  it('purposes are kept by administrators and read by all callers', async () => {
    const body = { code: 'triage', label: 'Triage of leads' };
    const make = (who: Person): Promise<Answer> => world.call(who, { method: 'POST', url: '/api/purposes', body });
    expect((await make('ann')).status).toBe(403);
    expect((await make('lea')).status).toBe(403);
    const made = await make('ada');
    expect(made.status).toBe(201);
    expect((await make('ada')).status).toBe(409);
    expect((await make('eve')).status).toBe(201);
    expect((await world.call('ann', { url: '/api/purposes' })).json.data).toMatchObject([body]);
    const url = `/api/purposes/${made.json.id}`;
    const patch = { method: 'PATCH' as const, url, body: { active: false }, headers: { 'if-match': '"1"' } };
    expect((await world.call('eve', patch)).status).toBe(404);
    expect(await world.call('ada', patch)).toMatchObject({ status: 200, json: { active: false } });
  });
});
