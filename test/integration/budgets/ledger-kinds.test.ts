import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Shrink } from '../../../src/budgets/index.js';
import type { Hold } from '../../../src/budgets/domain/hold.js';
import { SystemClock } from '../../../src/platform/clock/index.js';
import { parseAmount, ZERO } from '../../../src/platform/money/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { row, rows } from '../../support/rows.js';
import { holdOf, ORG, OTHER_PROVIDER, PROVIDER, Replica, settleOf, TEAM, USER } from './ledger-world.js';

let database: TestDatabase;
let replica: Replica;
const dropped: TestDatabase[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  dropped.push(database);
  replica = await Replica.start(database.url);
});
afterEach(async () => {
  const findings = await replica.budgets.checkLedger();
  await replica.stop();
  expect(findings).toEqual([]);
});
afterAll(async () => {
  for (const one of dropped) await one.drop();
});

interface Entry {
  readonly kind: string;
  readonly amount: string;
  readonly held: string[];
  readonly posted: string[];
}

const short = (amount: string): string => amount.replace(/\.?0+$/, '') || '0';
const entries = async (): Promise<readonly string[]> =>
  (
    await rows<Entry>(
      database.url,
      'SELECT kind, amount, held_delta::text[] AS held, posted_delta::text[] AS posted FROM ledger_entry ORDER BY at, id',
    )
  ).map(({ kind, amount, held, posted }) =>
    [kind, short(amount), `[${held.map(short).join(' ')}]`, `[${posted.map(short).join(' ')}]`].join(' '),
  );
const balances = () =>
  rows<{ posted: string; held: string }>(database.url, 'SELECT posted, held FROM budget_balance ORDER BY id');
const attribution = {
  orgId: ORG,
  teamId: TEAM,
  userId: USER,
  keyId: null,
  investigationId: null,
  operationId: null,
};
const wish = (worst: string, providerId = PROVIDER) => ({
  attribution,
  criticality: 'critical' as const,
  candidate: {
    deployment: { id: `${providerId}/0`, providerId, model: 'm' },
    currency: 'USD',
    worst: parseAmount(worst),
    worstTokens: 100,
  },
});
const extension = (hold: Hold, worst: string, providerId?: string) =>
  replica.budgets.extensionFor(replica.snapshots.current(), hold, wish(worst, providerId));
const shrink = (hold: Hold, worst: string, providerId?: string): Shrink =>
  replica.budgets.shrinkFor(replica.snapshots.current(), hold, wish(worst, providerId));
const held = async (...candidates: Parameters<Replica['ask']>[0]): Promise<Hold> =>
  holdOf((await replica.flush({ asks: [replica.ask(candidates)] })).verdicts[0]);
const storedHold = async (hold: Hold): Promise<Hold | undefined> =>
  (await replica.unitOfWork.run((tx) => replica.budgets.findHolds(tx, [hold.requestId])))[0];

describe('EXTEND', () => {
  it('raises the hold of a call on its own balances, and the end gives all of it back', async () => {
    await replica.addBudget('1');
    await replica.addBudget('500', { metric: 'TOKENS' });
    await replica.addBudget('3', { metric: 'REQUESTS' });
    const first = await held({ worst: '0.3' });
    const more = holdOf((await replica.flush({ asks: [extension(first, '0.2')] })).verdicts[0]);
    expect(more).toMatchObject({ id: first.id, revision: 1, amount: parseAmount('0.5') });
    expect(await storedHold(first)).toEqual(more);
    expect((await balances()).map((one) => short(one.held))).toEqual(['0.5', '200', '1']);
    await replica.flush({ settles: [settleOf(more, parseAmount('0.4'))] });
    expect(await entries()).toEqual([
      'HOLD 0.3 [0.3 100 1] [0 0 0]',
      'EXTEND 0.2 [0.2 100 0] [0 0 0]',
      'SETTLE 0.4 [-0.5 -200 -1] [0.4 15 1]',
    ]);
  });

  it('is refused where a budget has no room, and leaves the hold as it was', async () => {
    await replica.addBudget('0.4');
    const first = await held({ worst: '0.3' });
    const { verdicts } = await replica.flush({ asks: [extension(first, '0.2')] });
    expect(verdicts[0]?.kind).toBe('contended');
    expect(await storedHold(first)).toEqual(first);
  });

  it('of a hold that somebody has ended holds nothing', async () => {
    await replica.addBudget('1');
    const first = await held({ worst: '0.3' });
    await replica.flush({ settles: [settleOf(first, ZERO, { reason: 'expire' })] });
    const { verdicts } = await replica.flush({ asks: [extension(first, '0.2')] });
    expect(verdicts).toEqual([{ kind: 'closed' }]);
    expect(await balances()).toMatchObject([{ held: '0.000000000000' }]);
  });

  it('stays in the windows the call began in', async () => {
    await replica.addBudget('1');
    const began = new SystemClock().nowMs() - 40 * 86_400_000;
    const ask = replica.ask([{ worst: '0.1' }], { atMs: began });
    const first = holdOf((await replica.flush({ asks: [ask] })).verdicts[0]);
    await replica.flush({ asks: [extension(first, '0.1')] });
    expect(await balances()).toMatchObject([{ held: '0.200000000000' }]);
  });
});

describe('SHRINK', () => {
  it('gives back what only other candidates could have cost', async () => {
    await replica.addBudget('1');
    await replica.addBudget('1', { scope: { type: 'PROVIDER', id: PROVIDER } });
    await replica.addBudget('3', { metric: 'REQUESTS' });
    const first = await held({ worst: '0.9' }, { worst: '0.2', provider: OTHER_PROVIDER });
    const { shrunk } = await replica.flush({ shrinks: [shrink(first, '0.2', OTHER_PROVIDER)] });
    const less = shrunk.get(first.id);
    expect(less).toMatchObject({ revision: 1, amount: parseAmount('0.2') });
    expect(await storedHold(first)).toEqual(less);
    // The room is there for the next one, at once.
    expect((await replica.flush({ asks: [replica.ask([{ worst: '0.8' }])] })).verdicts[0]?.kind).toBe('held');
    const served = { servedDeployment: { providerId: OTHER_PROVIDER, model: 'm' } };
    await replica.flush({ settles: [settleOf(less ?? first, parseAmount('0.15'), served)] });
    expect((await entries()).filter((entry) => !entry.startsWith('HOLD'))).toEqual([
      'SHRINK 0.7 [-0.7 -0.9 0] [0 0 0]',
      'SETTLE 0.15 [-0.2 0 -1] [0.15 0 1]',
    ]);
  });

  it('never raises a hold', async () => {
    await replica.addBudget('1');
    const first = await held({ worst: '0.2' });
    const { shrunk } = await replica.flush({ shrinks: [shrink(first, '0.7')] });
    expect(shrunk.get(first.id)?.amount).toBe(parseAmount('0.2'));
    expect(await balances()).toMatchObject([{ held: '0.200000000000' }]);
  });

  it('that the process never heard of is part of the end all the same', async () => {
    await replica.addBudget('1');
    const first = await held({ worst: '0.9' });
    await replica.flush({ shrinks: [shrink(first, '0.2')] });
    const { settled } = await replica.flush({ settles: [settleOf(first, parseAmount('0.1'))] });
    expect(settled).toEqual(new Set([first.id]));
    expect(await balances()).toMatchObject([{ held: '0.000000000000', posted: '0.100000000000' }]);
  });

  it('of a hold that was resolved changes nothing', async () => {
    await replica.addBudget('1');
    const first = await held({ worst: '0.9' });
    await replica.flush({ settles: [settleOf(first, parseAmount('0.1'))] });
    expect((await replica.flush({ shrinks: [shrink(first, '0.2')] })).shrunk.size).toBe(0);
    expect(await entries()).toHaveLength(2);
  });
});

describe('RELEASE and EXPIRE', () => {
  it.each([
    ['release', 'RELEASE'],
    ['expire', 'EXPIRE'],
  ] as const)('%s gives everything back and posts nothing', async (reason, kind) => {
    await replica.addBudget('1');
    const first = await held({ worst: '0.9' });
    const posted = { amount: ZERO, tokens: 0, requests: 0, currency: 'USD' };
    await replica.flush({ settles: [settleOf(first, ZERO, { reason, posted })] });
    expect(await entries()).toEqual(['HOLD 0.9 [0.9] [0]', `${kind} 0 [-0.9] [0]`]);
  });
});

describe('late truth', () => {
  const posted = (amount: string, tokens: number) => ({
    amount: parseAmount(amount),
    tokens,
    requests: 1,
    currency: 'USD',
  });

  it('posts the difference once as ADJUST, on money and tokens, and corrects the charge', async () => {
    await replica.addBudget('1');
    await replica.addBudget('500', { metric: 'TOKENS' });
    const hold = await held({ worst: '0.9' });
    const unknown = settleOf(hold, ZERO, { reason: 'unknown', posted: posted('0.5', 80) });
    await replica.flush({ settles: [unknown] });
    const truth = settleOf(hold, ZERO, { posted: posted('0.2', 30) });
    for (let again = 0; again < 2; again += 1) await replica.flush({ late: [truth] });
    expect((await entries()).slice(2)).toEqual(['ADJUST -0.3 [0 0] [-0.3 -50]']);
    expect(await balances()).toMatchObject([{ posted: '0.200000000000' }, { posted: '30.000000000000' }]);
    expect(await row(database.url, 'SELECT sum(amount)::text AS sum FROM usage_adjustment')).toEqual({
      sum: '-0.300000000000',
    });
  });

  it('may be dearer than what was charged', async () => {
    await replica.addBudget('1');
    const hold = await held({ worst: '0.9' });
    await replica.flush({ settles: [settleOf(hold, ZERO, { reason: 'unknown', posted: posted('0.5', 80) })] });
    await replica.flush({ late: [settleOf(hold, ZERO, { posted: posted('0.8', 80) })] });
    expect(await balances()).toMatchObject([{ posted: '0.800000000000' }]);
  });

  it('moves a charge to the provider that really served', async () => {
    await replica.addBudget('1', { scope: { type: 'PROVIDER', id: PROVIDER } });
    await replica.addBudget('1', { scope: { type: 'PROVIDER', id: OTHER_PROVIDER } });
    const hold = await held({ worst: '0.5' }, { worst: '0.5', provider: OTHER_PROVIDER });
    await replica.flush({ settles: [settleOf(hold, ZERO, { reason: 'unknown', posted: posted('0.5', 80) })] });
    const elsewhere = { servedDeployment: { providerId: OTHER_PROVIDER, model: 'm' } };
    await replica.flush({ late: [settleOf(hold, ZERO, { posted: posted('0.5', 80), ...elsewhere })] });
    expect(await balances()).toMatchObject([{ posted: '0.000000000000' }, { posted: '0.500000000000' }]);
  });

  it('changes nothing for a call that had been settled', async () => {
    await replica.addBudget('1');
    const hold = await held({ worst: '0.9' });
    await replica.flush({ settles: [settleOf(hold, parseAmount('0.5'))] });
    await replica.flush({ late: [settleOf(hold, parseAmount('0.2'))] });
    expect(await entries()).toHaveLength(2);
  });
});

describe('the ledger', () => {
  it('takes no entry that moves what its kind does not', async () => {
    await replica.addBudget('1');
    const hold = await held({ worst: '0.9' });
    const insert = (kind: string, heldDelta: string, postedDelta: string): Promise<unknown> =>
      rows(
        database.url,
        `INSERT INTO ledger_entry (id, org_id, at, hold_id, request_id, kind, currency, amount, balance_ids, held_delta, posted_delta, reason)
         VALUES (gen_random_uuid(), $1, now(), $2, $3, $4, 'USD', 0, '{1}', ARRAY[$5::numeric], ARRAY[$6::numeric], 'test')`,
        [ORG, hold.id, hold.requestId, kind, heldDelta, postedDelta],
      );
    for (const [kind, heldDelta, postedDelta] of [
      ['HOLD', '-1', '0'],
      ['EXTEND', '1', '1'],
      ['SHRINK', '1', '0'],
      ['SETTLE', '-1', '-1'],
      ['RELEASE', '-1', '1'],
      ['EXPIRE', '1', '0'],
      ['ADJUST', '1', '1'],
    ] as const) {
      await expect(insert(kind, heldDelta, postedDelta)).rejects.toThrow('ledger_entry_movement');
    }
  });

  it('check finds a hold whose row says something else than its entries', async () => {
    await replica.addBudget('1');
    await held({ worst: '0.9' });
    await rows(database.url, `UPDATE hold SET amounts = ARRAY[0.8]::numeric(28,12)[]`);
    expect(await replica.budgets.checkLedger()).toMatchObject([
      { kind: 'hold_amount', ledger: '0.900000000000', other: '0.800000000000' },
    ]);
    await rows(database.url, `UPDATE hold SET amounts = ARRAY[0.9]::numeric(28,12)[]`);
  });
});
