import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';

import { IdentityService, UsersService } from '../../../src/identity/index.js';
import { MeteringModule, MeteringService, PostedWindows } from '../../../src/metering/index.js';
import { METERING_ENTITIES } from '../../../src/metering/persistence/entities.js';
import { ConfigSnapshots } from '../../../src/platform/snapshot/index.js';
import {
  recordsOf,
  startDirectoryApp,
  type Answer,
  type DirectoryApp,
  type Person,
} from '../identity/directory-app.js';

/** No window runs here. */
@Global()
@Module({ providers: [{ provide: PostedWindows, useValue: {} }], exports: [PostedWindows] })
class NoWindows {}

let world: DirectoryApp;
/** A second administrator. */
let bea: { readonly authorization: string };

beforeAll(async () => {
  world = await startDirectoryApp({ modules: [NoWindows, MeteringModule], entities: METERING_ENTITIES });
  const { id } = await world.get(UsersService).createUser(
    { kind: 'system', orgId: world.cast.orgId },
    {
      kind: 'person',
      email: 'bea@example.org',
      displayName: 'bea',
      teamId: null,
      roles: [{ role: 'admin', teamId: null, grants: [] }],
    },
  );
  bea = { authorization: `Bearer ${world.get(IdentityService).mintToken({ userId: id }).token}` };
});
afterAll(() => world.stop());

const post = (who: Person | { readonly authorization: string }, url: string, body: object = {}): Promise<Answer> =>
  world.call(who, { method: 'POST', url, body });
const listed = (perMillion: string, over: object = {}): object => ({
  vendor: 'acme',
  model: 'm',
  meter: 'output',
  currency: 'USD',
  perMillion,
  source: 'list of November',
  asOf: '2026-11-01',
  ...over,
});

function quoteOf(model: string): bigint | undefined {
  const book = world.get(ConfigSnapshots).current().get(world.get(MeteringService).prices);
  return book.quote({ vendor: 'acme', model, region: null, atMs: Date.parse('2027-01-01'), inputTokens: 1 })?.amounts
    .output;
}

describe('a price list', () => {
  it('whoever imported a price list cannot activate it; somebody else can, and it is on record', async () => {
    const proposed = await post('ada', '/api/prices/imports', { prices: [listed('4')], note: 'first' });
    expect(proposed.json).toMatchObject({
      state: 'PROPOSED',
      summary: { new: 2, dearer: 0, cheaper: 0, same: 0 },
      changes: [
        { meter: 'output', before: null, after: '0.000004000000' },
        { meter: 'reasoning', source: 'list of November; not priced apart, as output' },
      ],
    });
    expect(quoteOf('m')).toBeUndefined();
    const at = `/api/prices/imports/${proposed.json.id}`;
    expect(await post('ada', `${at}/activate`)).toMatchObject({ status: 403, json: { code: 'four_eyes_required' } });
    expect(await post('otto', `${at}/activate`)).toMatchObject({ status: 403 });
    expect((await post(bea, `${at}/activate`)).json).toMatchObject({ state: 'ACTIVATED' });
    expect(quoteOf('m')).toBe(4_000_000n);
    expect(await post(bea, `${at}/activate`)).toMatchObject({ status: 409 });
    const records = await recordsOf(world, 'price.change');
    expect(records.filter((line) => line.includes('price_import'))).toHaveLength(2);
    expect(
      await world.app.get(DataSource).query(`SELECT data->>'importId' AS id FROM outbox WHERE type = 'price.changed'`),
    ).toEqual([{ id: proposed.json.id }]);
  });

  it('shows what it changes before anything is in force; a dry run keeps nothing', async () => {
    const dry = await post('ada', '/api/prices/imports', {
      prices: [listed('5'), listed('3', { tier: 'flex' })],
      dryRun: true,
    });
    expect(dry.json).toMatchObject({ id: null, summary: { new: 2, dearer: 2, cheaper: 0, same: 0 } });
    expect((await world.call('ada', { url: '/api/prices/imports' })).json.data).toHaveLength(1);
  });

  it('is read from CSV by the same rules', async () => {
    const head = 'vendor,model,meter,currency,perMillion,contextFrom,source,asOf';
    const csv = `${head}\r\nacme,m,output,USD,4,,list,2026-11-01\r\nacme,m,output,USD,8,200000,list,2026-11-01\r\n`;
    const made = await post('ada', '/api/prices/imports', { csv });
    expect(made.json).toMatchObject({ summary: { same: 2, new: 2 } });
    const discarded = await post('ada', `/api/prices/imports/${made.json.id}/discard`);
    expect(discarded.json).toMatchObject({ state: 'DISCARDED' });
    for (const [bad, text] of [
      ['currency', `${head}\nacme,m,output,dollars,4,,list,2026-11-01`],
      ['perMillion', `${head}\nacme,m,output,USD,-4,,list,2026-11-01`],
      ['Line 2', `${head}\nacme,m,output,USD,4,many,list,2026-11-01`],
      ['header', `${head},colour\nacme,m,output,USD,4,,list,2026-11-01,red`],
    ] as const) {
      const answer = await post('ada', '/api/prices/imports', { csv: text });
      expect([bad, answer.status, answer.text]).toEqual([bad, 400, expect.stringContaining(bad)]);
    }
  });

  it.each([
    ['a 13th decimal', [listed('0.0000001')], 422, 'price_not_exact'],
    ['the past', [listed('4', { effectiveFrom: '2020-01-01T00:00:00Z' })], 400, 'invalid_value'],
    ['one price twice', [listed('4'), listed('5')], 400, 'invalid_value'],
    ['a second currency', [listed('4', { currency: 'EUR' })], 409, 'conflict'],
    ['a missing source', [listed('4', { source: '' })], 400, 'invalid_value'],
  ])('with %s is refused and prices nothing', async (_name, prices, status, code) => {
    expect(await post('ada', '/api/prices/imports', { prices })).toMatchObject({ status, json: { code } });
  });

  it('is the only way to change a price of a model', async () => {
    const body = {
      vendor: 'acme',
      model: 'm',
      currency: 'USD',
      effectiveFrom: '2030-01-01T00:00:00Z',
      source: 'x',
      asOf: '2026-11-01',
      prices: [{ meter: 'output', perMillion: '9' }],
    };
    expect(await post('ada', '/api/prices', body)).toMatchObject({ status: 403, json: { code: 'four_eyes_required' } });
    expect((await post('ada', '/api/prices', { ...body, model: 'fresh' })).status).toBe(201);
  });

  it('of another organisation is not found', async () => {
    const made = await post('ada', '/api/prices/imports', { prices: [listed('7')] });
    expect((await world.call('eve', { url: `/api/prices/imports/${made.json.id}` })).status).toBe(404);
    expect((await world.call('ann', { url: `/api/prices/imports/${made.json.id}` })).status).toBe(403);
  });
});
