import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { readInvoiceCsv } from '../../../src/metering/domain/invoice.js';
import { newId } from '../../../src/platform/ids/index.js';
import { formatAmount, parseAmount, picoUsd, sum } from '../../../src/platform/money/index.js';
import type { Principal } from '../../../src/platform/security/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { rows } from '../../support/rows.js';
import { ORG } from '../budgets/ledger-world.js';
import { DAY, priced, ReportingWorld, seeded, T0 } from './reporting-world.js';

const next = seeded(23);
const REASON = 'The partner counted these calls differently';
const PAGE = { after: 0, limit: 200 };
const someone = { orgId: ORG, userId: newId() } as Principal;
const somebodyElse = { orgId: ORG, userId: newId() } as Principal;
let database: TestDatabase;
let world: ReportingWorld;

beforeAll(async () => {
  database = await createTestDatabase();
  world = await ReportingWorld.start(database.url);
  for (let index = 0; index < 60; index += 1) {
    const atMs = T0 + next(2 * DAY);
    world.clock.atMs = atMs;
    await world.settle([priced('gpt-x', next, { atMs, unconfirmed: index % 10 === 0 })]);
  }
  world.clock.atMs = T0 + 5 * DAY;
  await world.rollups.refresh();
});
afterAll(async () => {
  await world.stop();
  await database.drop();
});

/** What we charged per day and meter. */
async function charged(): Promise<readonly { day: string; meter: string; cost: string; quantity: string }[]> {
  return rows(
    database.url,
    `SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, meter, sum(cost)::text AS cost, sum(quantity)::text AS quantity
       FROM usage_meter_fact WHERE model = 'gpt-x' GROUP BY 1, 2 ORDER BY 1, 2`,
  );
}

/** An invoice of the two days; `amounts` by day and meter replace what we charged. */
async function importInvoice(number: string, amounts: Readonly<Record<string, string>> = {}): Promise<string> {
  const lines = (await charged()).map(
    ({ day, meter, cost, quantity }) => `${day},gpt-x,${meter},${quantity},${amounts[`${day} ${meter}`] ?? cost}`,
  );
  const csv = ['day,model,meter,quantity,amount', ...lines].join('\r\n');
  const draft = {
    provider: 'open',
    number,
    currency: 'USD',
    fromDay: '2026-09-01',
    toDay: '2026-09-02',
    lines: [
      ...readInvoiceCsv(csv, 100),
      {
        kind: 'TAX',
        credential: null,
        day: null,
        model: null,
        meter: null,
        quantity: null,
        amount: parseAmount('1.9'),
      } as const,
    ],
  };
  return (await world.invoices.importInvoice(someone, draft)).id;
}

describe('an invoice', () => {
  it('that says what we charged is MATCHED, cell by cell', async () => {
    const made = await world.reconciliations.reconcile(someone, await importInvoice('A-1'));
    const cells = await world.reconciliations.findCells(someone, made.id, PAGE);
    expect(new Set(cells.map(({ verdict }) => verdict))).toEqual(new Set(['MATCHED']));
    expect(made.ours).toBe(made.theirs);
    expect(cells.some(({ unconfirmed }) => unconfirmed > 0n)).toBe(true);
    expect(await rows(database.url, `SELECT type FROM outbox`)).toEqual([]);
  });

  it('is imported once; another content under its number is refused', async () => {
    expect(await importInvoice('A-1')).toBe(await importInvoice('A-1'));
    await expect(importInvoice('A-1', { '2026-09-01 input': '9' })).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('a variance', () => {
  let id: string;
  let before: bigint;

  it('is reported per cell and announced once', async () => {
    before = await world.ledger();
    const invoice = await importInvoice('A-2', {
      '2026-09-01 input': '3.000000000007',
      '2026-09-02 output': '0.000000000001',
    });
    const made = await world.reconciliations.reconcile(someone, invoice);
    id = made.id;
    const cells = await world.reconciliations.findCells(someone, id, PAGE);
    expect(
      cells.filter(({ verdict }) => verdict !== 'MATCHED').map((cell) => [cell.day, cell.meter, cell.verdict]),
    ).toEqual([
      ['2026-09-01', 'input', 'OVER'],
      ['2026-09-02', 'output', 'UNDER'],
    ]);
    expect(await rows(database.url, `SELECT type FROM outbox`)).toEqual([{ type: 'reconciliation.variance' }]);
  });

  it('is never posted by whoever proposed it', async () => {
    await expect(world.reconciliations.post(somebodyElse, id)).rejects.toMatchObject({ code: 'conflict' });
    const wish = { version: 1, reason: REASON, verdicts: ['OVER', 'UNDER'] as const };
    await world.reconciliations.propose(someone, id, wish);
    await expect(world.reconciliations.propose(someone, id, { ...wish, version: 2 })).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(world.reconciliations.post(someone, id)).rejects.toMatchObject({ code: 'four_eyes_required' });
    expect(await world.ledger()).toBe(before);
  });

  it('posted makes our charges what the partner billed, to the pico, and leaves each request in balance', async () => {
    const posted = await world.reconciliations.post(somebodyElse, id);
    expect(posted).toMatchObject({ state: 'POSTED', postedBy: somebodyElse.userId });
    expect(await world.ledger()).toBe(picoUsd(before + (posted.postedAmount ?? 0n)));
    expect(formatAmount(picoUsd(posted.theirs - posted.ours))).toBe(formatAmount(posted.postedAmount ?? picoUsd(0n)));
    expect(await world.unitOfWork.read((tx) => world.metering.findMismatchedRequests(tx))).toEqual([]);
    const now = new Map((await charged()).map(({ day, meter, cost }) => [`${day} ${meter}`, cost]));
    expect(now.get('2026-09-01 input')).toBe('3.000000000007');
    expect(now.get('2026-09-02 output')).toBe('0.000000000001');
    expect(sum(world.windows.changes.map(({ amount }) => amount))).toBe(posted.postedAmount);
    await world.rollups.refresh();
    expect(await world.rollups.check(10)).toEqual([]);
  });

  it('is posted once', async () => {
    await expect(world.reconciliations.post(somebodyElse, id)).rejects.toMatchObject({ code: 'conflict' });
    await expect(rows(database.url, `UPDATE usage_adjustment SET amount = 1`)).rejects.toThrow(
      'rows are never changed',
    );
  });

  it('of records that changed since is refused', async () => {
    const invoice = await importInvoice('A-3', { '2026-09-01 input': '7' });
    const { id: stale } = await world.reconciliations.reconcile(someone, invoice);
    await world.reconciliations.propose(someone, stale, { version: 1, reason: REASON, verdicts: ['OVER'] });
    await world.settle([priced('gpt-x', next, { atMs: T0 + 1_000 })]);
    await expect(world.reconciliations.post(somebodyElse, stale)).rejects.toThrow('changed since');
  });

  it('of another organisation is not found', async () => {
    const stranger = { ...someone, orgId: newId() } as Principal;
    await expect(world.reconciliations.find(stranger, id)).rejects.toMatchObject({ code: 'not_found' });
  });
});
