import { afterAll, beforeEach, afterEach, describe, expect, it } from '@jest/globals';

import { SystemClock } from '../../../src/platform/clock/index.js';
import { newId, seededRandom } from '../../../src/platform/ids/index.js';
import { parseAmount, picoUsd, ZERO } from '../../../src/platform/money/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { row, rows } from '../../support/rows.js';
import { aUsageRecord, holdOf, OTHER_PROVIDER, PROVIDER, Replica, settleOf, TEAM, USER } from './ledger-world.js';

let database: TestDatabase;
let replicas: Replica[] = [];
const dropped: TestDatabase[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  dropped.push(database);
});
afterEach(async () => {
  const [first] = replicas;
  const findings = await first?.budgets.checkLedger();
  for (const replica of replicas) await replica.stop();
  replicas = [];
  expect(findings ?? []).toEqual([]);
});
afterAll(async () => {
  for (const one of dropped) await one.drop();
});

async function start(count = 1): Promise<readonly [Replica, ...Replica[]]> {
  for (let index = 0; index < count; index += 1) replicas.push(await Replica.start(database.url));
  return replicas as [Replica, ...Replica[]];
}
const balances = () =>
  rows<{ posted: string; held: string; peak: string; limit_amount: string; metric: string }>(
    database.url,
    'SELECT posted, held, peak, limit_amount, metric FROM budget_balance ORDER BY id',
  );

describe('a flush', () => {
  it('holds, settles what was used and leaves nothing held', async () => {
    const [replica] = await start();
    await replica.addBudget('1');
    await replica.addBudget('1000', { metric: 'TOKENS', scope: { type: 'TEAM', id: TEAM } });
    await replica.addBudget('10', { metric: 'REQUESTS', scope: { type: 'USER', id: USER } });
    const { verdicts } = await replica.flush({ asks: [replica.ask([{ worst: '0.3', tokens: 200 }])] });
    const hold = holdOf(verdicts[0]);
    expect((await balances()).map(({ held }) => held)).toEqual([
      '0.300000000000',
      '200.000000000000',
      '1.000000000000',
    ]);
    const { settled } = await replica.flush({ settles: [settleOf(hold, parseAmount('0.1'))] });
    expect(settled).toEqual(new Set([hold.id]));
    expect(await balances()).toMatchObject([
      { posted: '0.100000000000', held: '0.000000000000', peak: '0.300000000000' },
      { posted: '15.000000000000', held: '0.000000000000' },
      { posted: '1.000000000000', held: '0.000000000000' },
    ]);
  });

  it('refuses an ask that cannot fit, also as the first of its window', async () => {
    const [replica] = await start();
    const budget = await replica.addBudget('0.01');
    for (let again = 0; again < 2; again += 1) {
      const { verdicts } = await replica.flush({ asks: [replica.ask([{ worst: '0.05' }])] });
      expect(verdicts).toMatchObject([{ kind: 'exhausted', budget: { id: budget.id, period: 'MONTH' } }]);
    }
    expect(await balances()).toMatchObject([{ posted: '0.000000000000', held: '0.000000000000' }]);
  });

  it('does not let a settlement of the same flush hide a hold that does not fit', async () => {
    const [replica] = await start();
    await replica.addBudget('1');
    const first = holdOf((await replica.flush({ asks: [replica.ask([{ worst: '0.9' }])] })).verdicts[0]);
    const { verdicts } = await replica.flush({
      settles: [settleOf(first, parseAmount('0.9'))],
      asks: [replica.ask([{ worst: '0.2' }])],
    });
    expect(verdicts[0]?.kind).toBe('exhausted');
    expect(await balances()).toMatchObject([{ posted: '0.900000000000', held: '0.000000000000' }]);
  });

  it('drops candidates that do not fit and holds for the rest', async () => {
    const [replica] = await start();
    await replica.addBudget('1');
    const { verdicts } = await replica.flush({
      asks: [replica.ask([{ worst: '2' }, { worst: '0.5', provider: OTHER_PROVIDER }])],
    });
    expect(verdicts[0]).toMatchObject({
      kind: 'held',
      keep: [`${OTHER_PROVIDER}/1`],
      hold: { amount: parseAmount('0.5') },
    });
  });

  it('holds a PROVIDER budget for its own candidates and posts only what it served', async () => {
    const [replica] = await start();
    await replica.addBudget('1', { scope: { type: 'PROVIDER', id: PROVIDER } });
    const ask = replica.ask([{ worst: '0.2' }, { worst: '0.6', provider: OTHER_PROVIDER }]);
    const hold = holdOf((await replica.flush({ asks: [ask] })).verdicts[0]);
    expect(await balances()).toMatchObject([{ held: '0.200000000000' }]);
    const elsewhere = { servedDeployment: { providerId: OTHER_PROVIDER, model: 'm' } };
    await replica.flush({ settles: [settleOf(hold, parseAmount('0.4'), elsewhere)] });
    expect(await balances()).toMatchObject([{ held: '0.000000000000', posted: '0.000000000000' }]);
  });

  it('writes hold and ledger for a call that no budget covers', async () => {
    const [replica] = await start();
    const hold = holdOf((await replica.flush({ asks: [replica.ask([{ worst: '5' }])] })).verdicts[0]);
    expect(hold.lines).toEqual([]);
    await replica.flush({ settles: [settleOf(hold, parseAmount('3'))] });
    const entries = await rows<object>(database.url, 'SELECT kind, amount, balance_ids FROM ledger_entry ORDER BY id');
    expect(entries).toEqual([
      { kind: 'HOLD', amount: '5.000000000000', balance_ids: [] },
      { kind: 'SETTLE', amount: '3.000000000000', balance_ids: [] },
    ]);
  });

  it('currencies never meet', async () => {
    const [replica] = await start();
    await replica.addBudget('0.01');
    const ask = replica.ask([{ worst: '5', currency: 'XTS' }, { worst: '0.001' }]);
    const verdict = (await replica.flush({ asks: [ask] })).verdicts[0];
    expect(verdict).toMatchObject({ kind: 'held', keep: [`${PROVIDER}/0`], hold: { currency: 'XTS', lines: [] } });
    const wrong = settleOf(holdOf(verdict), ZERO, {
      posted: { amount: ZERO, tokens: 0, requests: 0, currency: 'USD' },
    });
    await expect(replica.flush({ settles: [wrong] })).rejects.toThrow('is in XTS');
  });

  it('posts a charge above its hold in full', async () => {
    const [replica] = await start();
    await replica.addBudget('1');
    const hold = holdOf((await replica.flush({ asks: [replica.ask([{ worst: '0.9' }])] })).verdicts[0]);
    await replica.flush({ settles: [settleOf(hold, parseAmount('1.5'))] });
    expect(await balances()).toMatchObject([{ posted: '1.500000000000', held: '0.000000000000' }]);
  });

  it('announces each threshold once and exhaustion when the limit is reached', async () => {
    const [replica] = await start();
    await replica.addBudget('1');
    for (const amount of ['0.5', '0.35', '0.1', '0.05']) {
      const hold = holdOf((await replica.flush({ asks: [replica.ask([{ worst: amount }])] })).verdicts[0]);
      await replica.flush({ settles: [settleOf(hold, parseAmount(amount))] });
    }
    const events = await rows<{ type: string; at: number | null }>(
      database.url,
      `SELECT type, (data->'threshold'->>'at')::int AS at FROM outbox ORDER BY seq`,
    );
    expect(events).toEqual([
      { type: 'budget.threshold.reached', at: 80 },
      { type: 'budget.threshold.reached', at: 100 },
      { type: 'budget.exhausted', at: null },
    ]);
  });
});

describe('windows of a budget', () => {
  it('start with what the scope had used when the budget was made', async () => {
    const [replica] = await start();
    const requestId = newId();
    await replica.unitOfWork.run(async (tx) => {
      await replica.metering.insertUsage(tx, [aUsageRecord({ requestId, cost: parseAmount('0.7') })]);
      const entry = {
        id: newId(),
        orgId: aUsageRecord({ requestId }).orgId,
        atMs: Date.parse('2026-11-24'),
        requestId,
      };
      await replica.metering.insertLedger(tx, [
        {
          ...entry,
          atMs: aUsageRecord({ requestId }).atMs,
          holdId: newId(),
          kind: 'SETTLE',
          currency: 'USD',
          amount: parseAmount('0.7'),
          balanceIds: [],
          heldDeltas: [],
          postedDeltas: [],
          reason: 'settle',
          ref: null,
        },
      ]);
    });
    await replica.addBudget('1');
    await replica.addBudget('1', { includePast: false });
    const { verdicts } = await replica.flush({ asks: [replica.ask([{ worst: '0.4' }])] });
    expect(verdicts[0]?.kind).toBe('exhausted');
    expect(await balances()).toMatchObject([{ posted: '0.700000000000' }, { posted: '0.000000000000' }]);
  });

  it('add what the window before left unused, once and never more than the limit', async () => {
    const [replica] = await start();
    const DAY = 86_400_000;
    const base = await replica.addBudget('100');
    const limits = base.limits.map((limit) => ({
      ...limit,
      id: newId(),
      amount: parseAmount('1'),
      period: 'DAY' as const,
      rollover: true,
    }));
    const today = new SystemClock().nowMs();
    await replica.addBudget('1', { limits, createdAtMs: today - 10 * DAY, includePast: false });
    const spendOn = async (atMs: number, amount: string): Promise<void> => {
      const { verdicts } = await replica.flush({ asks: [replica.ask([{ worst: amount }], { atMs })] });
      await replica.flush({ settles: [settleOf(holdOf(verdicts[0]), parseAmount(amount))] });
    };
    const rolled = async (): Promise<readonly string[]> =>
      (
        await rows<{ rollover_amount: string }>(
          database.url,
          `SELECT rollover_amount FROM budget_balance WHERE limit_id = '${String(limits[0]?.id)}' ORDER BY starts_at`,
        )
      ).map(({ rollover_amount }) => rollover_amount);
    // Nobody had used the day before: its whole limit comes, and what is left of both is cut to one limit.
    await spendOn(today - 3 * DAY, '0.4');
    await spendOn(today - 2 * DAY, '0.9');
    await spendOn(today - DAY, '0.1');
    await replica.flush({ asks: [replica.ask([{ worst: '0.1' }], { atMs: today })] });
    expect(await rolled()).toEqual(['1.000000000000', '1.000000000000', '1.000000000000', '1.000000000000']);
    await spendOn(today + DAY, '1.2');
    await spendOn(today + 2 * DAY, '0.1');
    expect((await rolled()).slice(4)).toEqual(['1.000000000000', '0.800000000000']);
  });

  it('take a new limit at once and keep their usage', async () => {
    const [replica] = await start();
    const budget = await replica.addBudget('1');
    const hold = holdOf((await replica.flush({ asks: [replica.ask([{ worst: '0.6' }])] })).verdicts[0]);
    const limits = budget.limits.map((limit) => ({ ...limit, amount: parseAmount('0.5') }));
    await replica.snapshots.change((tx) => replica.repository.update(tx, { ...budget, limits, version: 2 }));
    expect((await replica.flush({ asks: [replica.ask([{ worst: '0.001' }])] })).verdicts[0]?.kind).toBe('contended');
    await replica.flush({ settles: [settleOf(hold, parseAmount('0.6'))] });
    expect(await balances()).toMatchObject([{ limit_amount: '0.500000000000', posted: '0.600000000000' }]);
  });

  it('are made with the limit that is in force, not with the one an old snapshot shows', async () => {
    const [old, other] = await start(2);
    const budget = await old.addBudget('1');
    const stale = old.ask([{ worst: '0.6' }]);
    const limits = budget.limits.map((limit) => ({ ...limit, amount: parseAmount('0.5') }));
    await other?.snapshots.change((tx) => old.repository.update(tx, { ...budget, limits, version: 2 }));
    expect((await old.flush({ asks: [stale] })).verdicts[0]?.kind).toBe('exhausted');
  });
});

describe('each hold resolves once', () => {
  it('when two flushes settle it at the same time', async () => {
    const [one, two] = await start(2);
    await one.addBudget('1');
    await two?.snapshots.refresh();
    const hold = holdOf((await one.flush({ asks: [one.ask([{ worst: '0.5' }])] })).verdicts[0]);
    const settle = settleOf(hold, parseAmount('0.2'));
    const expire = settleOf(hold, ZERO, {
      reason: 'expire',
      posted: { amount: ZERO, tokens: 0, requests: 0, currency: 'USD' },
    });
    const results = await Promise.all([one.flush({ settles: [settle] }), two?.flush({ settles: [expire] })]);
    expect(results.reduce((count, result) => count + (result?.settled.size ?? 0), 0)).toBe(1);
    expect(await balances()).toMatchObject([{ held: '0.000000000000' }]);
  });

  it('when the process dies before COMMIT and the flush is repeated', async () => {
    const [replica] = await start();
    await replica.addBudget('1');
    const ask = replica.ask([{ worst: '0.5' }]);
    await expect(replica.flush({ asks: [ask] }, true)).rejects.toThrow('dies here');
    expect(await balances()).toEqual([]);
    const hold = holdOf((await replica.flush({ asks: [ask] })).verdicts[0]);
    const settle = settleOf(hold, parseAmount('0.5'));
    await expect(replica.flush({ settles: [settle] }, true)).rejects.toThrow('dies here');
    expect((await replica.flush({ settles: [settle] })).settled.size).toBe(1);
    expect((await replica.flush({ settles: [settle] })).settled.size).toBe(0);
    expect(await balances()).toMatchObject([{ posted: '0.500000000000', held: '0.000000000000' }]);
  });

  it('and can be read back from its row with its lines', async () => {
    const [replica] = await start();
    await replica.addBudget('1', { scope: { type: 'PROVIDER', id: PROVIDER } });
    await replica.addBudget('100', { metric: 'TOKENS' });
    const hold = holdOf((await replica.flush({ asks: [replica.ask([{ worst: '0.5' }])] })).verdicts[0]);
    const read = await replica.unitOfWork.run(async (tx) => [
      ...(await replica.budgets.findHolds(tx, [hold.requestId])),
      ...(await replica.budgets.findHeldOlderThan(tx, hold.expiresAtMs + 1, 10)),
    ]);
    expect(read).toEqual([hold, hold]);
  });
});

describe('many processes on one budget', () => {
  it('HARD: posted + held ≤ limit + extra at every commit', async () => {
    const [first, ...others] = await start(3);
    await first.addBudget('1');
    await first.addBudget('0.7', { scope: { type: 'TEAM', id: TEAM }, carveOutBp: 1_000 });
    await first.addBudget('0.8', { scope: { type: 'USER', id: USER } });
    for (const other of others) await other.snapshots.refresh();
    const seen = { held: 0, contended: 0, exhausted: 0 };
    await Promise.all([first, ...others].map((replica, index) => spend(replica, index + 1, seen)));
    for (const { posted, held, peak, limit_amount: limit } of await balances()) {
      expect(parseAmount(peak)).toBeLessThanOrEqual(parseAmount(limit));
      expect(parseAmount(posted)).toBeLessThanOrEqual(parseAmount(limit));
      expect(held).toBe('0.000000000000');
    }
    expect(seen.held).toBeGreaterThan(20);
    expect(seen.contended + seen.exhausted).toBeGreaterThan(20);
  });

  it('at zero spend, parallel holds never cause 402', async () => {
    const [one, two] = await start(2);
    await one.addBudget('1');
    await two?.snapshots.refresh();
    const asks = (replica: Replica) => Array.from({ length: 125 }, () => replica.ask([{ worst: '0.4' }]));
    const results = await Promise.all(
      [one, two ?? one, one, two ?? one].map((replica) => replica.flush({ asks: asks(replica) })),
    );
    const kinds = results.flatMap(({ verdicts }) => verdicts.map(({ kind }) => kind));
    expect(kinds.filter((kind) => kind === 'held')).toHaveLength(2);
    expect(kinds.filter((kind) => kind === 'exhausted')).toHaveLength(0);
  });
});

/** Forty flushes of random asks; each hold is settled, released or lost to a rollback and settled later. Seeded. */
async function spend(replica: Replica, seed: number, seen: Record<string, number>): Promise<void> {
  const random = seededRandom(seed);
  let open: ReturnType<typeof settleOf>[] = [];
  for (let step = 0; step < 40; step += 1) {
    const asks = Array.from({ length: 1 + Math.floor(random() * 6) }, () =>
      replica.ask([{ worst: String(Math.ceil(random() * 100) / 1000) }, { worst: '0.01', provider: OTHER_PROVIDER }], {
        criticality: random() < 0.5 ? 'critical' : 'sheddable',
      }),
    );
    const settles = open;
    const dies = random() < 0.2;
    try {
      const { verdicts } = await replica.flush({ settles, asks }, dies);
      for (const verdict of verdicts) seen[verdict.kind] = (seen[verdict.kind] ?? 0) + 1;
      open = verdicts.flatMap((verdict) =>
        verdict.kind === 'held' ? [settleOf(verdict.hold, picoUsd(verdict.hold.amount / BigInt(1 + step)))] : [],
      );
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('dies here')) throw error;
    }
  }
  await replica.flush({ settles: open });
}

describe('the ledger check', () => {
  it('finds a balance that was changed past the ledger', async () => {
    const [replica] = await start();
    await replica.addBudget('1');
    await replica.flush({ asks: [replica.ask([{ worst: '0.5' }])] });
    await rows(database.url, 'UPDATE budget_balance SET posted = posted + 0.1');
    expect(await replica.budgets.checkLedger()).toMatchObject([
      { kind: 'balance_posted', ledger: '0.000000000000', other: '0.100000000000' },
    ]);
    await rows(database.url, 'UPDATE budget_balance SET posted = posted - 0.1');
  });

  it('finds usage that was never charged', async () => {
    const [replica] = await start();
    const requestId = newId();
    await replica.unitOfWork.run((tx) => replica.metering.insertUsage(tx, [aUsageRecord({ requestId })]));
    expect(await replica.budgets.checkLedger()).toMatchObject([{ kind: 'request_charge', id: requestId }]);
    await rows(database.url, `SET session_replication_role = replica; DELETE FROM usage_record`);
    expect(await row(database.url, 'SELECT count(*)::int AS left FROM usage_record')).toEqual({ left: 0 });
  });
});
