import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import { parseAmount, type PicoUsd } from '../../platform/money/index.js';

/** Up to where rollups are complete. Whole hours and whole days, UTC; what is younger is read from the records. */
export interface RollupState {
  readonly hoursUntilMs: number;
  readonly daysUntilMs: number;
}

/** What three sources say one day of an organisation cost. They agree, or something is wrong. */
export interface RollupComparison {
  /** `2026-11-22`, UTC. */
  readonly day: string;
  readonly orgId: string;
  readonly currency: string;
  readonly usage: PicoUsd;
  readonly rollup: PicoUsd;
  /** What the ledger charged for the requests of that day; of a request that ran past midnight, the part of the day. */
  readonly ledger: PicoUsd;
}

const LOCK = 4_242_005;
const SUMS = 'requests, input, cached_input, cache_write, output, reasoning, cost, unconfirmed';
const SUMMED = SUMS.split(', ')
  .map((name) => `sum(${name})`)
  .join(', ');
const WHAT = 'provider, deployment_id, model, task, criticality, tier, outcome';
const WHO = 'team_id, user_id, key_id, investigation_id, operation_id';
const WORLD = 'org_id, currency, simulated';
/** Levels that are made from the plain one of their unit, and what they know. */
const CUTS: readonly (readonly [string, string])[] = [
  ['partner', WHAT],
  ['case', WHO],
  ['user', 'team_id, user_id, provider, model'],
  ['investigation', 'investigation_id, operation_id, provider, model'],
];

/** One level from a finer source: `source` has the columns of a rollup and an instant called `instant`. */
function level(name: string, unit: 'hour' | 'day', source: string, dimensions: string): string {
  return `INSERT INTO usage_rollup (level, start, ${WORLD}, ${dimensions}, ${SUMS})
    SELECT '${name}', date_trunc('${unit}', s.instant, 'UTC') AS bucket, ${WORLD}, ${dimensions}, ${SUMMED}
      FROM ${source} s GROUP BY bucket, ${WORLD}, ${dimensions}`;
}

const FACTS = `(SELECT at AS instant, f.* FROM usage_fact f WHERE at >= $1 AND at < $2)`;
const HOURS = `(SELECT start AS instant, r.* FROM usage_rollup r WHERE level = 'hour' AND NOT synthetic AND start >= $1 AND start < $2)`;
const DAYS = HOURS.replace(`'hour'`, `'day'`);
/** Removes all levels of a unit in a range. */
function clear(unit: 'hour' | 'day'): string {
  const levels = [`'${unit}'`, ...CUTS.map(([cut]) => `'${unit}_${cut}'`)].join(', ');
  return `DELETE FROM usage_rollup WHERE level IN (${levels}) AND NOT synthetic AND start >= $1 AND start < $2`;
}

/** Sums of usage per hour and day. Rows that a seed marked synthetic are never touched. */
@Injectable()
export class RollupRepository {
  /** True when no other replica rebuilds; kept until the end of the transaction. */
  async lock(tx: Tx): Promise<boolean> {
    const [row] = await rowsOf<{ locked: boolean }>(tx, { text: `SELECT pg_try_advisory_xact_lock($1) AS locked` }, [
      LOCK,
    ]);
    return row?.locked === true;
  }

  /** Undefined until the first rebuild. */
  async findState(tx: Tx): Promise<RollupState | undefined> {
    const [row] = await rowsOf<{ hours_until: Date; days_until: Date }>(tx, {
      text: `SELECT hours_until, days_until FROM usage_rollup_state`,
    });
    if (row === undefined) return undefined;
    return { hoursUntilMs: row.hours_until.getTime(), daysUntilMs: row.days_until.getTime() };
  }

  /** When the oldest change came that no rollup knows yet. */
  async findStaleSince(tx: Tx): Promise<number | undefined> {
    const [row] = await rowsOf<{ since: Date | null }>(tx, {
      text: `SELECT min(d.marked_at) AS since FROM usage_rollup_dirty d
              WHERE d.hour < (SELECT hours_until FROM usage_rollup_state)`,
    });
    return row?.since?.getTime();
  }

  async saveState(tx: Tx, state: RollupState, nowMs: number): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO usage_rollup_state (id, hours_until, days_until, refreshed_at) VALUES (1, $1, $2, $3)
               ON CONFLICT (id) DO UPDATE SET hours_until = $1, days_until = $2, refreshed_at = $3`,
      },
      [new Date(state.hoursUntilMs), new Date(state.daysUntilMs), new Date(nowMs)],
    );
  }

  /** Start of the oldest attempt there is. Reads everything: for the first rebuild only. */
  async findFirstUsage(tx: Tx): Promise<number | undefined> {
    const [row] = await rowsOf<{ at: Date | null }>(tx, { text: `SELECT min(at) AS at FROM usage_record` });
    return row?.at?.getTime();
  }

  /** Makes the hours from `fromMs` to `toMs` again, both whole hours. */
  async rebuildHours(tx: Tx, fromMs: number, toMs: number): Promise<void> {
    const range = [new Date(fromMs), new Date(toMs)];
    await rowsOf(tx, { text: clear('hour') }, range);
    await rowsOf(tx, { text: level('hour', 'hour', FACTS, `${WHAT}, ${WHO}`) }, range);
    for (const [cut, known] of CUTS) await rowsOf(tx, { text: level(`hour_${cut}`, 'hour', HOURS, known) }, range);
  }

  /** Makes the days from `fromMs` to `toMs` again from their hours, both whole days. */
  async rebuildDays(tx: Tx, fromMs: number, toMs: number): Promise<void> {
    const range = [new Date(fromMs), new Date(toMs)];
    await rowsOf(tx, { text: clear('day') }, range);
    await rowsOf(tx, { text: level('day', 'day', HOURS, `${WHAT}, ${WHO}`) }, range);
    for (const [cut, known] of CUTS) await rowsOf(tx, { text: level(`day_${cut}`, 'day', DAYS, known) }, range);
  }

  /** Takes up to `limit` hours that changed after they were summed, oldest first. They are the caller's to rebuild: whoever
   *  marks one of them meanwhile waits for the end of this transaction and marks it anew. */
  async takeDirty(tx: Tx, limit: number): Promise<readonly number[]> {
    const rows = await rowsOf<{ hour: Date }>(
      tx,
      {
        text: `DELETE FROM usage_rollup_dirty WHERE hour IN (SELECT hour FROM usage_rollup_dirty ORDER BY hour LIMIT $1)
               RETURNING hour`,
      },
      [limit],
    );
    return rows.map(({ hour }) => hour.getTime()).sort((a, b) => a - b);
  }

  /** What records, rollups and ledger say about the days from `fromMs` to `toMs`, both whole days. */
  async compare(tx: Tx, fromMs: number, toMs: number): Promise<readonly RollupComparison[]> {
    const rows = await rowsOf<{
      day: string;
      org_id: string;
      currency: string;
      usage: string;
      rollup: string;
      ledger: string;
    }>(tx, { text: COMPARE }, [new Date(fromMs), new Date(toMs)]);
    return rows.map((row) => ({
      day: row.day,
      orgId: row.org_id,
      currency: row.currency,
      usage: parseAmount(row.usage),
      rollup: parseAmount(row.rollup),
      ledger: parseAmount(row.ledger),
    }));
  }

  /** Keeps the result of a comparison, one row per day. */
  async saveChecks(tx: Tx, fromMs: number, toMs: number, nowMs: number): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO usage_rollup_check (day, org_id, currency, usage, rollup, ledger, checked_at)
               SELECT c.day::date, c.org_id, c.currency, c.usage, c.rollup, c.ledger, $3 FROM (${COMPARE}) c
               ON CONFLICT (day, org_id, currency) DO UPDATE
                 SET usage = excluded.usage, rollup = excluded.rollup, ledger = excluded.ledger, checked_at = excluded.checked_at`,
      },
      [new Date(fromMs), new Date(toMs), new Date(nowMs)],
    );
  }
}

/** The ledger knows requests, not attempts: a request's surplus over its own attempts is added to the day of its last one, so that
 *  a request across midnight is compared on both days and a wrong charge shows on one. Charges without any attempt stand on the
 *  day they were made. */
const COMPARE = `
  WITH used AS (
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, org_id, currency, sum(cost) AS cost
      FROM usage_fact WHERE at >= $1 AND at < $2 GROUP BY 1, 2, 3),
  summed AS (
    SELECT to_char(start AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, org_id, currency, sum(cost) AS cost
      FROM usage_rollup WHERE level = 'day' AND NOT synthetic AND start >= $1 AND start < $2 GROUP BY 1, 2, 3),
  asked AS (
    SELECT DISTINCT ON (request_id) request_id, org_id, currency, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day
      FROM usage_record WHERE last_attempt AND at >= $1 AND at < $2 ORDER BY request_id),
  surplus AS (
    SELECT a.day, a.org_id, a.currency, coalesce(l.amount, 0) - coalesce(u.cost, 0) - coalesce(x.amount, 0) AS cost
      FROM asked a
      LEFT JOIN (SELECT e.request_id, sum(e.amount) AS amount FROM ledger_entry e JOIN asked USING (request_id)
                  WHERE e.kind IN ('SETTLE', 'ADJUST') GROUP BY 1) l USING (request_id)
      LEFT JOIN (SELECT u.request_id, sum(u.cost) AS cost FROM usage_record u JOIN asked USING (request_id)
                  WHERE u.at >= $1::timestamptz - interval '1 day' AND u.at < $2 GROUP BY 1) u USING (request_id)
      LEFT JOIN (SELECT d.request_id, sum(d.amount) AS amount FROM usage_adjustment d JOIN asked USING (request_id) GROUP BY 1) x
        USING (request_id)),
  stray AS (
    SELECT to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, e.org_id, e.currency, e.amount AS cost
      FROM ledger_entry e
     WHERE e.kind IN ('SETTLE', 'ADJUST') AND e.amount <> 0 AND e.at >= $1 AND e.at < $2
       AND NOT EXISTS (SELECT FROM usage_record u WHERE u.request_id = e.request_id)),
  charged AS (
    SELECT day, org_id, currency, sum(cost) AS cost
      FROM (SELECT * FROM used UNION ALL SELECT * FROM surplus UNION ALL SELECT * FROM stray) c GROUP BY 1, 2, 3)
  SELECT day, org_id, currency, coalesce(u.cost, 0)::numeric(28,12) AS usage, coalesce(s.cost, 0)::numeric(28,12) AS rollup,
         coalesce(c.cost, 0)::numeric(28,12) AS ledger
    FROM used u FULL JOIN summed s USING (day, org_id, currency) FULL JOIN charged c USING (day, org_id, currency)
   ORDER BY day, org_id, currency`;
