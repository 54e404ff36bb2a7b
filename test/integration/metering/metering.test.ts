import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { AuditService } from '../../../src/audit/index.js';
import { fromPerMillion, PricesService, type PriceDraft } from '../../../src/metering/index.js';
import { PriceVersionRepository } from '../../../src/metering/persistence/price-version.repository.js';
import { SystemClock } from '../../../src/platform/clock/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { OutboxRepository } from '../../../src/platform/outbox/index.js';
import type { Principal } from '../../../src/platform/security/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { row, rows } from '../../support/rows.js';
import { aUsageRecord, ORG, Replica, USER } from '../budgets/ledger-world.js';

const DAY = 86_400_000;
const clock = new SystemClock();
let database: TestDatabase;
let replica: Replica;
let prices: PricesService;
const audited: unknown[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await Replica.start(database.url);
  const audit = { record: (_: unknown, change: unknown) => Promise.resolve(void audited.push(change)) };
  prices = new PricesService(
    replica.snapshots,
    replica.unitOfWork,
    new PriceVersionRepository(),
    audit as unknown as AuditService,
    new OutboxRepository(),
    clock,
  );
});
afterAll(async () => {
  await replica.stop();
  await database.drop();
});

const someone = { orgId: ORG, userId: USER } as Principal;
function aDraft(fields: Partial<PriceDraft> = {}): PriceDraft {
  return {
    vendor: 'acme',
    model: 'm-1',
    meter: 'input',
    currency: 'USD',
    amount: fromPerMillion('0.15'),
    effectiveFromMs: clock.nowMs() + 1_000,
    confirmed: true,
    source: 'https://example.org/prices',
    asOf: '2026-11-01',
    ...fields,
  };
}

describe('append-only tables', () => {
  it.each(['usage_record', 'ledger_entry', 'price_version'])('refuse the application a change of %s', async (table) => {
    for (const sql of [`UPDATE ${table} SET currency = 'EUR'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
      await expect(replica.dataSource.query(sql)).rejects.toThrow('permission denied');
    }
  });

  it('refuse even the owner', async () => {
    await replica.unitOfWork.run((tx) => replica.metering.insertUsage(tx, [aUsageRecord({ requestId: newId() })]));
    const [part] = await rows<{ name: string }>(
      database.url,
      `SELECT tableoid::regclass::text AS name FROM usage_record`,
    );
    for (const sql of [
      `UPDATE usage_record SET cost = 0`,
      `DELETE FROM usage_record`,
      `TRUNCATE usage_record`,
      `TRUNCATE ${part?.name ?? ''}`,
    ]) {
      await expect(rows(database.url, sql)).rejects.toThrow('rows are never changed');
    }
  });
});

describe('months', () => {
  it('have their tables ahead, and a row without one fails where it is written', async () => {
    await replica.metering.ensureMonths();
    const [{ count } = { count: 0 }] = await rows<{ count: number }>(
      database.url,
      `SELECT count(*)::int AS count FROM pg_inherits WHERE inhparent = 'usage_record'::regclass`,
    );
    expect(count).toBe(3);
    const late = aUsageRecord({ requestId: newId(), atMs: clock.nowMs() + 200 * DAY });
    await expect(replica.unitOfWork.run((tx) => replica.metering.insertUsage(tx, [late]))).rejects.toThrow('partition');
    await replica.unitOfWork.run((tx) => replica.metering.ensureMonthsFrom(tx, late.atMs, 1));
    await replica.unitOfWork.run((tx) => replica.metering.insertUsage(tx, [late]));
  });

  it('out of range are refused', async () => {
    await expect(
      replica.unitOfWork.run((tx) => replica.metering.ensureMonthsFrom(tx, Date.UTC(1999, 0, 1), 1)),
    ).rejects.toThrow('out of range');
  });
});

describe('usage', () => {
  it('is read back as it was written, and an attempt is written once', async () => {
    const record = aUsageRecord({
      requestId: newId(),
      extras: [{ meter: 'webSearch', quantity: 2 }],
      priceIds: { input: 'pv_1' },
    });
    await replica.unitOfWork.run((tx) => replica.metering.insertUsage(tx, [record]));
    expect(
      await row(database.url, 'SELECT cost, extras, price_ids, latency_ms, key_id FROM usage_record WHERE id = $1', [
        record.id,
      ]),
    ).toEqual({
      cost: '0.010000000000',
      extras: [{ meter: 'webSearch', quantity: 2 }],
      price_ids: { input: 'pv_1' },
      latency_ms: 12,
      key_id: null,
    });
    const twice = { ...record, id: newId() };
    await expect(replica.unitOfWork.run((tx) => replica.metering.insertUsage(tx, [twice]))).rejects.toThrow(
      'duplicate',
    );
  });

  it('keeps simulated calls in their own currency', async () => {
    const wrong = aUsageRecord({ requestId: newId(), simulated: true });
    await expect(replica.unitOfWork.run((tx) => replica.metering.insertUsage(tx, [wrong]))).rejects.toThrow(
      'usage_record_currency',
    );
  });
});

describe('prices', () => {
  it('of the catalogue load once and quote', async () => {
    await replica.snapshots.change((tx) => prices.seedCatalogue(tx));
    const count = () => row<{ n: number }>(database.url, 'SELECT count(*)::int AS n FROM price_version');
    const before = await count();
    await replica.snapshots.change((tx) => prices.seedCatalogue(tx));
    expect(await count()).toEqual(before);
    const quote = replica.snapshots
      .current()
      .get(replica.metering.prices)
      .quote({ vendor: 'openai', model: 'gpt-4.1', region: null, atMs: clock.nowMs(), inputTokens: 1 });
    expect(quote).toMatchObject({
      currency: 'USD',
      confirmed: false,
      amounts: { input: 2_000_000n, output: 8_000_000n },
    });
  });

  it('of a person take effect from their start on, audited and announced', async () => {
    const [added] = await prices.addPrices(someone, [aDraft()]);
    const book = replica.snapshots.current().get(replica.metering.prices);
    const wish = { vendor: 'acme', model: 'm-1', region: null, inputTokens: 1 };
    expect(book.quote({ ...wish, atMs: clock.nowMs() })).toBeUndefined();
    expect(book.quote({ ...wish, atMs: clock.nowMs() + 2_000 })?.ids.input).toBe(added?.id);
    expect(audited).toMatchObject([{ type: 'price.change', object: { id: added?.id } }]);
    expect(await rows(database.url, `SELECT type FROM outbox`)).toEqual([{ type: 'price.changed' }]);
  });

  it('are refused in the past, and by one person alone where a model has prices', async () => {
    const effectiveFromMs = clock.nowMs() + 60_000;
    await prices.addPrices(someone, [aDraft({ model: 'm-2', effectiveFromMs })]);
    const refuse = (draft: PriceDraft, code: string) =>
      expect(prices.addPrices(someone, [draft])).rejects.toMatchObject({ code });
    await refuse(aDraft({ effectiveFromMs: clock.nowMs() - 1 }), 'invalid_value');
    await refuse(aDraft({ model: 'm-2', meter: 'output', currency: 'XTS' }), 'four_eyes_required');
    await refuse(aDraft({ model: 'm-2', effectiveFromMs, amount: fromPerMillion('0.16') }), 'four_eyes_required');
    await expect(prices.addPrices(someone, [aDraft({ model: 'm-2', effectiveFromMs })])).resolves.toHaveLength(1);
  });

  it('are listed in pages, and as they were at an instant', async () => {
    const page = { after: undefined, limit: 10 };
    const filter = { vendor: 'acme', model: 'm-2' };
    expect(await prices.findPrices(filter, page)).toHaveLength(1);
    expect(await prices.findPrices({ ...filter, atMs: clock.nowMs() }, page)).toHaveLength(0);
    const first = await prices.findPrices({ vendor: 'openai' }, page);
    expect(first).toHaveLength(11);
    const last = first[9];
    const next = await prices.findPrices(
      { vendor: 'openai' },
      { ...page, after: { key: String(last?.effectiveFromMs), id: last?.id ?? '' } },
    );
    expect(next[0]?.id).toBe(first[10]?.id);
  });
});
