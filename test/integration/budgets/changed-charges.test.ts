import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ChangedCharges } from '../../../src/budgets/index.js';
import { BalanceRepository } from '../../../src/budgets/persistence/balance.repository.js';
import { SystemClock } from '../../../src/platform/clock/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import { parseAmount, picoUsd } from '../../../src/platform/money/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { row, rows } from '../../support/rows.js';
import { holdOf, ORG, Replica, settleOf } from './ledger-world.js';

let database: TestDatabase;
let replica: Replica;
let charges: ChangedCharges;

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await Replica.start(database.url);
  charges = new ChangedCharges(replica.metering, new BalanceRepository(), replica.watch, new SystemClock());
});
afterAll(async () => {
  await replica.stop();
  await database.drop();
});

/** One settled call of 0.4 on every budget; returns its request. */
async function settledCall(): Promise<string> {
  const { verdicts } = await replica.flush({ asks: [replica.ask([{ worst: '0.5' }])] });
  const hold = holdOf(verdicts[0]);
  await replica.flush({ settles: [settleOf(hold, parseAmount('0.4'))] });
  return hold.requestId;
}

async function change(requestId: string, amount: string): Promise<void> {
  const changed = { requestId, currency: 'USD', amount: parseAmount(amount) };
  await replica.unitOfWork.run(async (tx) => {
    const moved = (await charges.change(tx, [changed])).get(requestId);
    await replica.metering.insertLedger(tx, [
      {
        id: newId(),
        orgId: ORG,
        atMs: new SystemClock().nowMs(),
        holdId: null,
        requestId: null,
        kind: 'ADJUST',
        currency: 'USD',
        amount: changed.amount,
        balanceIds: moved?.balanceIds ?? [],
        heldDeltas: (moved?.balanceIds ?? []).map(() => picoUsd(0n)),
        postedDeltas: moved?.postedDeltas ?? [],
        reason: 'test',
        ref: 'test',
      },
    ]);
  });
}

const posted = () =>
  row<{ posted: string }>(database.url, `SELECT posted FROM budget_balance WHERE metric = 'COST' ORDER BY id LIMIT 1`);

describe('a charge that changes afterwards', () => {
  it('moves the running windows it was posted in, and the ledger stays equal to the balances', async () => {
    await replica.addBudget('10');
    const requestId = await settledCall();
    await change(requestId, '-0.150000000001');
    expect(await posted()).toEqual({ posted: '0.249999999999' });
    await change(requestId, '1');
    expect(await posted()).toEqual({ posted: '1.249999999999' });
    expect(await replica.budgets.checkLedger()).toEqual([]);
  });

  it('leaves a window that ended as it was', async () => {
    const requestId = await settledCall();
    await rows(database.url, `UPDATE budget_balance SET starts_at = '2020-01-01', ends_at = '2020-02-01'`);
    const before = await posted();
    await change(requestId, '0.3');
    expect(await posted()).toEqual(before);
    expect(await replica.budgets.checkLedger()).toEqual([]);
  });
});
