import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Budget } from '../../../src/budgets/domain/budget.js';
import { readThreshold } from '../../../src/budgets/domain/thresholds.js';
import { parseAmount } from '../../../src/platform/money/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { rows } from '../../support/rows.js';
import { holdOf, Replica, settleOf } from './ledger-world.js';

let database: TestDatabase;
let replicas: Replica[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  replicas = [await Replica.start(database.url), await Replica.start(database.url)];
});
afterEach(async () => {
  for (const replica of replicas) await replica.stop();
  await database.drop();
});

const events = () =>
  rows<{ type: string; id: string; n: number; posted: string }>(
    database.url,
    `SELECT type, data->'threshold'->>'id' AS id, (data->'threshold'->>'n')::int AS n, data->'window'->>'posted' AS posted
       FROM outbox WHERE type LIKE 'budget.threshold.%' ORDER BY seq`,
  );

async function spend(replica: Replica, amount: string): Promise<void> {
  const hold = holdOf((await replica.flush({ asks: [replica.ask([{ worst: amount }])] })).verdicts[0]);
  await replica.flush({ settles: [settleOf(hold, parseAmount(amount))] });
}

async function setLimit(replica: Replica, budget: Budget, amount: string): Promise<void> {
  const changed = { ...budget, limits: budget.limits.map((limit) => ({ ...limit, amount: parseAmount(amount) })) };
  await replica.snapshots.change(async (tx) => {
    await replica.repository.update(tx, changed);
    await replica.watch.changed(
      tx,
      changed.limits.map((limit) => ({ budget: changed, limit })),
    );
  });
}

describe('thresholds', () => {
  it('are quiet again when the limit is raised, and fire again when it is reached', async () => {
    const [replica] = replicas as [Replica, Replica];
    const budget = await replica.addBudget('1');
    await spend(replica, '0.85');
    await setLimit(replica, budget, '2');
    await spend(replica, '0.8');
    expect(await events()).toEqual([
      { type: 'budget.threshold.reached', id: 'ACTUAL-80-PERCENT', n: 1, posted: '0.850000000000' },
      { type: 'budget.threshold.resolved', id: 'ACTUAL-80-PERCENT', n: 1, posted: '0.850000000000' },
      { type: 'budget.threshold.reached', id: 'ACTUAL-80-PERCENT', n: 2, posted: '1.650000000000' },
    ]);
  });

  it('show since when they fire, by limit and subject', async () => {
    const [replica] = replicas as [Replica, Replica];
    const budget = await replica.addBudget('1');
    const limitId = budget.limits[0]?.id ?? 'none';
    const firing = () => replica.unitOfWork.read((tx) => replica.watch.firing(tx, [limitId]));
    expect((await firing()).size).toBe(0);
    await spend(replica, '0.85');
    const [[key, thresholds] = []] = [...(await firing())];
    expect(key?.startsWith(`${limitId} `)).toBe(true);
    expect([...(thresholds?.keys() ?? [])]).toEqual(['ACTUAL-80-PERCENT']);
  });

  it('fire at once when a limit is lowered below what is spent', async () => {
    const [replica] = replicas as [Replica, Replica];
    const budget = await replica.addBudget('10');
    await spend(replica, '0.9');
    await setLimit(replica, budget, '1');
    expect((await events()).map(({ type, id }) => [type, id])).toEqual([
      ['budget.threshold.reached', 'ACTUAL-80-PERCENT'],
    ]);
  });

  it('tell each transition once, whichever replica looks', async () => {
    const [one, other] = replicas as [Replica, Replica];
    await one.addBudget('10');
    await other.snapshots.refresh();
    await spend(one, '0.5');
    // The edge moved without anybody's notice: only a look finds it.
    await rows(database.url, `UPDATE budget_balance SET limit_amount = 0.5`);
    const announced = await Promise.all([one, other, one, other].map((replica) => replica.watch.lookAtAll()));
    expect(announced.reduce((total, count) => total + count, 0)).toBe(2);
    expect((await events()).map(({ id }) => id).sort()).toEqual(['ACTUAL-100-PERCENT', 'ACTUAL-80-PERCENT']);
  });

  it('of reserved money wait before they fire, and end with their window', async () => {
    const [replica] = replicas as [Replica, Replica];
    const committed = readThreshold({ at: '50', basis: 'COMMITTED' });
    await replica.addBudget('1', {
      limits: [
        {
          id: newId(),
          period: 'MONTH',
          amount: parseAmount('1'),
          custom: null,
          rollover: false,
          thresholds: [committed],
        },
      ],
    });
    await replica.flush({ asks: [replica.ask([{ worst: '0.6' }])] });
    expect(await replica.watch.lookAtAll()).toBe(0);
    await rows(database.url, `UPDATE threshold_state SET pending_since = pending_since - interval '1 minute'`);
    expect(await replica.watch.lookAtAll()).toBe(1);
    await rows(database.url, `UPDATE budget_balance SET starts_at = starts_at - interval '40 days', ends_at = now()`);
    expect(await replica.watch.lookAtAll()).toBe(1);
    expect(await replica.watch.lookAtAll()).toBe(0);
    expect((await events()).map(({ type }) => type)).toEqual(['budget.threshold.reached', 'budget.threshold.resolved']);
  });
});
