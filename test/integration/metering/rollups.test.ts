import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { newId } from '../../../src/platform/ids/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { row, rows } from '../../support/rows.js';
import { ORG } from '../budgets/ledger-world.js';
import { DAY, HOUR, priced, ReportingWorld, seeded, T0 } from './reporting-world.js';

const next = seeded(7);
let database: TestDatabase;
let world: ReportingWorld;

beforeAll(async () => {
  database = await createTestDatabase();
  world = await ReportingWorld.start(database.url);
});
afterAll(async () => {
  await world.stop();
  await database.drop();
});

/** Each level's sums, and the records' up to where levels are complete. */
async function sums(): Promise<readonly Record<string, string>[]> {
  return rows<Record<string, string>>(
    database.url,
    `WITH s AS (SELECT * FROM usage_rollup_state), levels AS (
       SELECT level, requests, input + cached_input + cache_write + output + reasoning AS tokens, cost FROM usage_rollup
       UNION ALL SELECT v.level, f.requests, f.input + f.cached_input + f.cache_write + f.output + f.reasoning, f.cost
         FROM usage_fact f, s, (VALUES ('records hour'), ('records day')) AS v(level)
        WHERE f.at < CASE WHEN v.level = 'records hour' THEN s.hours_until ELSE s.days_until END)
     SELECT level, sum(requests)::text AS requests, sum(tokens)::text AS tokens, sum(cost)::text AS cost FROM levels GROUP BY 1 ORDER BY 1`,
  );
}

async function expectAgreement(): Promise<void> {
  const all = new Map((await sums()).map(({ level, ...rest }) => [level, rest]));
  for (const unit of ['hour', 'day']) {
    for (const suffix of ['', '_partner', '_case', '_user', '_investigation'])
      expect(all.get(unit + suffix)).toEqual(all.get(`records ${unit}`));
  }
}

describe('rollups', () => {
  it('of every level sum to the records they were made of, whole hours and days only', async () => {
    for (let index = 0; index < 120; index += 1) {
      const requestId = newId();
      const atMs = T0 + next(3 * DAY);
      const user = { userId: newId(), requestId, investigationId: next(2) === 0 ? newId() : null };
      // A call that moved from one partner to the other, some of them across the hour.
      const records = [priced('gpt-x', next, { ...user, atMs, attempt: 1, outcome: 'http_error' })];
      if (next(3) === 0) records.push(priced('claude-y', next, { ...user, atMs: atMs + next(HOUR / 20), attempt: 2 }));
      world.clock.atMs = atMs + HOUR / 10;
      await world.settle(records);
    }
    world.clock.atMs = T0 + 2 * DAY + 5 * HOUR + HOUR / 4;
    expect(await world.rollups.refresh()).toBe(true);
    expect(await row(database.url, 'SELECT hours_until, days_until FROM usage_rollup_state')).toEqual({
      hours_until: new Date(T0 + 2 * DAY + 4 * HOUR),
      days_until: new Date(T0 + 2 * DAY),
    });
    await expectAgreement();
  });

  it('count a request once, at its last attempt', async () => {
    const [counted] = await rows<{ rollup: string; requests: string }>(
      database.url,
      `SELECT (SELECT sum(requests) FROM usage_rollup WHERE level = 'hour')::text AS rollup,
              (SELECT count(*) FROM (SELECT request_id, max(at) AS at FROM usage_record GROUP BY 1) r, usage_rollup_state s
                WHERE r.at < s.hours_until)::text AS requests`,
    );
    expect(counted?.rollup).toBe(counted?.requests);
  });

  it('follow a record that comes after its hour was summed', async () => {
    const atMs = T0 + 7 * HOUR;
    const before = await sums();
    await world.settle([priced('gpt-x', next, { atMs })]);
    expect(await rows(database.url, 'SELECT hour FROM usage_rollup_dirty')).toEqual([{ hour: new Date(atMs) }]);
    const view = await world.unitOfWork.read((tx) => world.rollups.view(tx));
    expect(view.asOfMs).toBe(world.clock.atMs);
    await world.rollups.refresh();
    expect(await rows(database.url, 'SELECT hour FROM usage_rollup_dirty')).toEqual([]);
    await expectAgreement();
    expect(await sums()).not.toEqual(before);
  });

  it('leave synthetic rows alone', async () => {
    await rows(
      database.url,
      `INSERT INTO usage_rollup (level, start, org_id, currency, simulated, synthetic, requests, input, cached_input, cache_write, output,
         reasoning, cost, unconfirmed)
       VALUES ('day', $1, $2, 'XTS', true, true, 1, 0, 0, 0, 0, 0, 5, 0)`,
      [new Date(T0), ORG],
    );
    await world.unitOfWork.run((tx) => world.rollups.markChanged(tx, [T0]));
    await world.rollups.refresh();
    expect(await row(database.url, `SELECT count(*)::int AS n FROM usage_rollup WHERE synthetic`)).toEqual({ n: 1 });
    await rows(database.url, `DELETE FROM usage_rollup WHERE synthetic`);
  });

  it('agree with the ledger day by day, and heal themselves when they do not', async () => {
    expect(await world.rollups.check(7)).toEqual([]);
    await rows(database.url, `DELETE FROM usage_rollup WHERE start < $1`, [new Date(T0 + DAY)]);
    expect(await world.rollups.check(7)).toEqual([]);
    await expectAgreement();
    const checks = await rows<{ usage: string; rollup: string; ledger: string }>(
      database.url,
      'SELECT usage, rollup, ledger FROM usage_rollup_check',
    );
    expect(checks).toHaveLength(2);
  });

  it('report a day whose records and ledger differ', async () => {
    await world.unitOfWork.run((tx) =>
      world.metering.insertUsage(tx, [priced('gpt-x', next, { atMs: T0 + 2 * HOUR })]),
    );
    await world.rollups.refresh();
    expect(await world.rollups.check(7)).toMatchObject([{ day: '2026-09-01' }]);
  });
});
