import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import {
  CasesModule,
  CasesService,
  InvestigationsService,
  OperationsService,
  type Exhibit,
} from '../../../src/cases/index.js';
import { CASES_ENTITIES } from '../../../src/cases/persistence/entities.js';
import { IdentityService, UsersService } from '../../../src/identity/index.js';
import { ConfigSnapshots } from '../../../src/platform/snapshot/index.js';
import {
  recordsOf,
  startDirectoryApp,
  type Answer,
  type DirectoryApp,
  type Person,
} from '../identity/directory-app.js';

const UNKNOWN = '0199f3a2-7c1e-7b3a-8000-000000000001';

let world: DirectoryApp;
let count = 0;

beforeAll(async () => {
  world = await startDirectoryApp({ modules: [CasesModule], entities: CASES_ENTITIES });
});
afterAll(() => world.stop());

const reference = (): string => `OP-${String(++count)}`;

/** A new investigation made by the case system. */
async function anInvestigation(body: object = {}): Promise<{ id: string; externalRef: string; version: number }> {
  const answer = await world.call('system', { method: 'PUT', url: `/api/investigations/${reference()}`, body });
  expect(answer.status).toBe(201);
  return answer.json;
}

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
    const { externalRef } = await anInvestigation();
    const post = (ref: string): Promise<Answer> =>
      world.call('ada', { method: 'POST', url: '/api/investigations', body: { externalRef: ref, title: 'x' } });
    expect(await post(externalRef)).toMatchObject({ status: 409, json: { code: 'conflict' } });
    expect((await post(UNKNOWN)).status).toBe(400);
    expect((await post('a b')).status).toBe(400);
    expect((await post(reference())).status).toBe(201);
  });

  it('are found by id and by reference, and patched at their version', async () => {
    const { id, externalRef } = await anInvestigation({ title: 'Birch' });
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
    const { id } = await anInvestigation();
    const to = (state: string): Promise<Answer> =>
      world.call('ada', { method: 'POST', url: `/api/investigations/${id}/${state}` });
    const closed = await to('close');
    expect(closed).toMatchObject({ status: 200, json: { state: 'closed', closedAt: expect.any(String) as unknown } });
    expect((await to('close')).json.version).toBe(2);
    expect(await to('reopen')).toMatchObject({ status: 200, json: { state: 'open', closedAt: null, version: 3 } });
    expect((await to('reopen')).json.version).toBe(3);
  });

  it('gain and lose members', async () => {
    const { id } = await anInvestigation();
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
    const { id, externalRef } = await anInvestigation(body(world.cast));
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
    const { id } = await anInvestigation({ teamId: world.cast.teamId, access: 'team' });
    const close = async (who: Person): Promise<number> =>
      (await world.call(who, { method: 'POST', url: `/api/investigations/${id}/close` })).status;
    for (const who of ['ann', 'bob', 'otto', 'cora'] as const) expect([who, await close(who)]).toEqual([who, 403]);
    for (const who of ['leo', 'eve'] as const) expect([who, await close(who)]).toEqual([who, 404]);
    for (const who of ['lea', 'ada', 'system'] as const) expect([who, await close(who)]).toEqual([who, 200]);
    const shared = await anInvestigation({ access: 'organisation' });
    const patch = { method: 'POST' as const, url: `/api/investigations/${shared.id}/close` };
    expect((await world.call('leo', patch)).status).toBe(403);
  });

  it('list by state, team and member, page by page', async () => {
    const { id } = await anInvestigation({ members: [world.cast.users.leo.id] });
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
    const { id, externalRef } = await anInvestigation({ teamId: world.cast.teamId });
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

describe('documents', () => {
  const upload = (who: Person, content: string | Buffer, query = '', type = 'text/plain'): Promise<Answer> =>
    world.call(who, {
      method: 'POST',
      url: `/api/documents${query}`,
      body: Buffer.from(content),
      headers: { 'content-type': type },
    });

  it('are registered once by their bytes', async () => {
    const first = await upload('lea', 'statement of a witness');
    const sha256 = createHash('sha256').update('statement of a witness').digest('hex');
    expect(first).toMatchObject({ status: 201, json: { sha256, bytes: 22, mediaType: 'text/plain' } });
    expect(await upload('leo', 'statement of a witness')).toMatchObject({ status: 200, json: { id: first.json.id } });
    expect((await upload('eve', 'statement of a witness')).status).toBe(201);
    const concurrent = await Promise.all(['a', 'b', 'c'].map(() => upload('lea', 'the same bytes at once')));
    expect(concurrent.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
  });

  it('come back as they were sent, as an attachment', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const { json } = await upload('lea', bytes, '', 'image/png');
    const answer = await world.app.inject({
      url: `/api/documents/${json.id}/content`,
      headers: {
        authorization: `Bearer ${world.get(IdentityService).mintToken({ userId: world.cast.users.lea.id }).token}`,
      },
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.equals(bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'image/png',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('sandbox') as unknown,
      'content-disposition': expect.stringContaining('attachment') as unknown,
    });
  });

  it('may be JSON: they are kept as they came, spaces and all', async () => {
    const answer = await upload('lea', '{ "a":  1 }', '', 'application/json');
    expect(answer).toMatchObject({ status: 201, json: { bytes: 11, mediaType: 'application/json' } });
  });

  it.each([
    ['nothing', '', 'text/plain', 400],
    ['an unspeakable type', 'x', 'text/<html>', 415],
  ])('are refused with %s', async (_name, content, type, status) => {
    expect((await upload('lea', content, '', type)).status).toBe(status);
  });

  it('are not brought by those without case:write', async () => {
    for (const who of ['ann', 'otto', 'cora'] as const) expect((await upload(who, 'x')).status).toBe(403);
  });

  it('are read by who brought them, and by who may read an investigation they lie in', async () => {
    const { id } = await anInvestigation({ teamId: world.cast.teamId, access: 'team' });
    const { json } = await upload('system', 'a phone record', `?investigation=${id}&label=Phone`);
    const url = `/api/documents/${json.id}`;
    const sees = async (who: Person): Promise<boolean> => {
      const { data } = (await world.call(who, { url: '/api/documents?limit=200' })).json;
      const alone = (await world.call(who, { url })).status;
      const content = (await world.call(who, { url: `${url}/content` })).status;
      expect([who, content]).toEqual([who, alone]);
      expect([who, data.some((one) => one.id === json.id)]).toEqual([who, alone === 200]);
      return alone === 200;
    };
    for (const who of ['ann', 'lea', 'otto', 'ada', 'cora', 'system'] as const)
      expect([who, await sees(who)]).toEqual([who, true]);
    for (const who of ['bob', 'leo', 'eve'] as const) expect([who, await sees(who)]).toEqual([who, false]);
    expect((await upload('leo', 'a phone record')).status).toBe(200);
    expect(await sees('leo')).toBe(true);
  });

  it('cannot be read by linking what one may not see', async () => {
    const hidden = await upload('lea', 'only for Lea');
    const { json } = await world.call('leo', {
      method: 'POST',
      url: '/api/investigations',
      body: { externalRef: reference(), title: 'Fishing' },
    });
    const url = `/api/investigations/${json.id}/documents`;
    const link = (who: Person): Promise<Answer> =>
      world.call(who, { method: 'POST', url, body: { documentId: hidden.json.id } });
    expect((await link('leo')).status).toBe(404);
    expect((await link('lea')).status).toBe(404);
    expect((await link('ada')).status).toBe(201);
    expect((await world.call('leo', { url })).json.data).toHaveLength(1);
    expect((await world.call('lea', { url })).status).toBe(404);
    const unlink = { method: 'DELETE' as const, url: `${url}/${hidden.json.id}` };
    expect((await world.call('leo', unlink)).status).toBe(204);
    expect((await world.call('leo', unlink)).status).toBe(404);
    expect((await world.call('leo', { url: `/api/documents/${hidden.json.id}` })).status).toBe(404);
  });
});

describe('the record', () => {
  it('tells each change of a case and each reading of a document before its bytes leave', async () => {
    const { id } = await anInvestigation({ title: 'Secret title', teamId: world.cast.teamId });
    const brought = await world.call('lea', {
      method: 'POST',
      url: `/api/documents?investigation=${id}`,
      body: Buffer.from('read on record'),
      headers: { 'content-type': 'text/plain' },
    });
    await world.call('lea', { url: `/api/documents/${brought.json.id}/content` });
    await world.call('leo', { url: `/api/documents/${brought.json.id}/content` });
    const changes = await recordsOf(world, 'case.change');
    expect(changes.filter((line) => line.includes(`"id":"${id}"`))).toHaveLength(2);
    expect(changes.join()).not.toContain('Secret title');
    const readings = (await recordsOf(world, 'data.consult')).filter((line) => line.includes(brought.json.id));
    expect(readings).toHaveLength(1);
  });
});

describe('the charge of a call', () => {
  const charge = (who: Person, wishes: Parameters<CasesService['authoriseCharge']>[1]) =>
    world
      .get(CasesService)
      .authoriseCharge(
        world.get(IdentityService).principalOf(world.cast.users[who].id),
        wishes,
        world.get(ConfigSnapshots).current(),
      );
  const system = () => ({ kind: 'system', orgId: world.cast.orgId }) as const;

  it('follows a change of the case at once', async () => {
    const investigations = world.get(InvestigationsService);
    const { id, externalRef } = await investigations.create(system(), reference(), { teamId: world.cast.teamId });
    expect(() => charge('ann', { investigation: externalRef })).toThrow('not assigned');
    await investigations.addMembers(system(), id, [world.cast.users.ann.id]);
    expect(charge('ann', { investigation: externalRef }).attribution).toMatchObject({
      investigationId: id,
      userId: world.cast.users.ann.id,
      teamId: world.cast.teamId,
    });
    await investigations.close(system(), id);
    expect(() => charge('ann', { investigation: externalRef })).toThrow('closed');
    await investigations.reopen(system(), id);
    expect(charge('ann', { investigation: id }).investigation?.externalRef).toBe(externalRef);
    await investigations.removeMember(system(), id, world.cast.users.ann.id);
    expect(() => charge('ann', { investigation: id })).toThrow('not assigned');
  });

  it('follows what the organisation demands', async () => {
    const users = world.get(UsersService);
    const { version } = await users.findOrganisation(world.cast.orgId);
    await users.updateOrganisation(system(), { requirePurpose: true, requireInvestigation: true }, version);
    const { externalRef } = await world
      .get(InvestigationsService)
      .create(system(), reference(), { access: 'organisation' });
    const purpose = await world.get(OperationsService).createPurpose(system(), { code: 'review', label: 'Review' });
    expect(() => charge('ann', {})).toThrow(expect.objectContaining({ code: 'investigation_required' }));
    expect(() => charge('ann', { investigation: externalRef })).toThrow(
      expect.objectContaining({ code: 'purpose_required' }),
    );
    expect(charge('ann', { investigation: externalRef, purpose: 'review' }).purpose?.id).toBe(purpose.id);
    await users.updateOrganisation(system(), { requirePurpose: false, requireInvestigation: false }, version + 1);
  });

  it('acts for active people of the same organisation only', () => {
    const { ann, eve } = world.cast.users;
    expect(charge('system', { onBehalfOf: ann.id })).toMatchObject({
      attribution: { userId: ann.id, teamId: world.cast.teamId },
      delegateUserId: world.cast.users.system.id,
    });
    expect(() => charge('system', { onBehalfOf: eve.id })).toThrow(expect.objectContaining({ code: 'invalid_value' }));
    expect(() => charge('lea', { onBehalfOf: ann.id })).toThrow(
      expect.objectContaining({ code: 'insufficient_scope' }),
    );
  });

  it('names exhibits that lie in the charged investigation, by id or digest, and no others', async () => {
    const cases = world.get(CasesService);
    const inside = await anInvestigation({ access: 'organisation' });
    const outside = await anInvestigation({ access: 'organisation' });
    const answer = await world.call('system', {
      method: 'POST',
      url: `/api/documents?investigation=${inside.id}`,
      body: Buffer.from('exhibit A'),
      headers: { 'content-type': 'text/plain' },
    });
    const { id, sha256 } = answer.json;
    const resolve = (investigation: string | undefined, exhibits: readonly string[]): Promise<readonly Exhibit[]> =>
      cases.resolveExhibits(charge('ann', { investigation, evidence: { exhibits } }));
    const expected = [{ documentId: id, sha256, bytes: 9, mediaType: 'text/plain' }];
    expect(await resolve(inside.id, [id])).toEqual(expected);
    expect(await resolve(inside.id, [sha256])).toEqual(expected);
    expect(await resolve(undefined, [])).toEqual([]);
    await expect(resolve(outside.id, [id])).rejects.toMatchObject({ code: 'investigation_forbidden' });
    await expect(resolve(undefined, [sha256])).rejects.toMatchObject({ code: 'investigation_forbidden' });
    await expect(resolve(inside.id, ['x'])).rejects.toMatchObject({ code: 'invalid_value' });
  });
});
