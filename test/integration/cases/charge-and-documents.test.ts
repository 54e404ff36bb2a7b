import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CasesService, InvestigationsService, OperationsService, type Exhibit } from '../../../src/cases/index.js';
import { IdentityService, UsersService } from '../../../src/identity/index.js';
import { ConfigSnapshots } from '../../../src/platform/snapshot/index.js';
import { recordsOf, type Answer, type DirectoryApp, type Person } from '../identity/directory-app.js';
import { anInvestigation, reference, startCaseApp } from './case-app.js';

let world: DirectoryApp;

beforeAll(async () => {
  world = await startCaseApp();
});
afterAll(() => world.stop());

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
    const { id } = await anInvestigation(world, { teamId: world.cast.teamId, access: 'team' });
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
    const { id } = await anInvestigation(world, { title: 'Secret title', teamId: world.cast.teamId });
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
    const inside = await anInvestigation(world, { access: 'organisation' });
    const outside = await anInvestigation(world, { access: 'organisation' });
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
