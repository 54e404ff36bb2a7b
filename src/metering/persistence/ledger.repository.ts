import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import { formatAmount, parseAmount, type PicoUsd } from '../../platform/money/index.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';

/** Sums of the ledger for one balance. */
export interface BalanceTotals {
  readonly balanceId: number;
  readonly held: PicoUsd;
  readonly posted: PicoUsd;
}

/** Whose usage is summed; `null` members do not restrict. */
export interface PastWish {
  readonly orgId: string;
  readonly currency: string;
  /** Start inclusive, end exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly keyId: string | null;
  readonly investigationId: string | null;
  readonly operationId: string | null;
  readonly providerIds: readonly string[] | null;
  readonly models: readonly string[] | null;
  readonly criticalities: readonly string[] | null;
}

/** What somebody used in a stretch of time. */
export interface PastUsage {
  readonly cost: PicoUsd;
  readonly tokens: number;
  readonly requests: number;
}

/** A request whose attempts do not add up to what the ledger charged. */
export interface RequestMismatch {
  readonly requestId: string;
  readonly used: PicoUsd;
  readonly charged: PicoUsd;
}

/** What a call was charged that nobody saw the end of. */
export interface UnconfirmedCharge {
  readonly requestId: string;
  /** The usage record that carries the charge. */
  readonly usageId: string;
  readonly usedAtMs: number;
  readonly currency: string;
  readonly cost: PicoUsd;
  /** What it posted, by balance. */
  readonly posted: ReadonlyMap<number, PicoUsd>;
}

const INSERT = {
  name: 'metering_ledger_insert',
  // Arrays of different lengths travel as text: unnest would flatten arrays of arrays.
  text: `INSERT INTO ledger_entry (id, org_id, at, hold_id, request_id, kind, currency, amount, balance_ids, held_delta,
           posted_delta, reason, ref)
         SELECT id, org_id, at, hold_id, request_id, kind, currency, amount, balance_ids::bigint[], held::numeric(28,12)[],
           posted::numeric(28,12)[], reason, ref
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
           $8::numeric[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
           AS e(id, org_id, at, hold_id, request_id, kind, currency, amount, balance_ids, held, posted, reason, ref)`,
};

const amounts = (list: readonly PicoUsd[]): string => `{${list.map(formatAmount).join(',')}}`;

/** Movements of money; rows are only added. */
@Injectable()
export class LedgerRepository {
  /** Writes all entries with one statement. Throws when the month of one has no partition. */
  async insert(tx: Tx, entries: readonly LedgerEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await rowsOf(tx, INSERT, [
      entries.map((e) => e.id),
      entries.map((e) => e.orgId),
      entries.map((e) => new Date(e.atMs)),
      entries.map((e) => e.holdId),
      entries.map((e) => e.requestId),
      entries.map((e) => e.kind),
      entries.map((e) => e.currency),
      entries.map((e) => formatAmount(e.amount)),
      entries.map((e) => `{${e.balanceIds.join(',')}}`),
      entries.map((e) => amounts(e.heldDeltas)),
      entries.map((e) => amounts(e.postedDeltas)),
      entries.map((e) => e.reason),
      entries.map((e) => e.ref),
    ]);
  }

  /** Σ of all movements per balance, by balance. */
  async findBalanceTotals(tx: Tx): Promise<readonly BalanceTotals[]> {
    const rows = await rowsOf<{ id: string; held: string; posted: string }>(tx, {
      text: `SELECT m.id, sum(m.held) AS held, sum(m.posted) AS posted
             FROM ledger_entry e, unnest(e.balance_ids, e.held_delta, e.posted_delta) AS m(id, held, posted)
             GROUP BY m.id ORDER BY m.id`,
    });
    return rows.map((row) => ({
      balanceId: Number(row.id),
      held: parseAmount(row.held),
      posted: parseAmount(row.posted),
    }));
  }

  /** Holds whose resolution does not give back exactly what they took, or that were resolved twice; at most 100. */
  async findUnbalancedHolds(tx: Tx): Promise<readonly string[]> {
    const rows = await rowsOf<{ hold_id: string }>(tx, {
      text: `WITH resolved AS (
               SELECT hold_id, count(*) AS times FROM ledger_entry
               WHERE kind IN ('SETTLE', 'RELEASE', 'EXPIRE') GROUP BY hold_id),
             sums AS (
               SELECT e.hold_id, m.id, sum(m.held) AS held
               FROM ledger_entry e JOIN resolved USING (hold_id), unnest(e.balance_ids, e.held_delta) AS m(id, held)
               GROUP BY e.hold_id, m.id)
             SELECT hold_id FROM resolved WHERE times > 1 UNION SELECT hold_id FROM sums WHERE held <> 0
             ORDER BY hold_id LIMIT 100`,
    });
    return rows.map(({ hold_id }) => hold_id);
  }

  /** Which holds the ledger has not resolved, oldest first. `limit`: most ids returned. */
  async findOpenHolds(tx: Tx, limit: number): Promise<readonly string[]> {
    const rows = await rowsOf<{ hold_id: string }>(
      tx,
      {
        text: `SELECT hold_id FROM ledger_entry WHERE hold_id IS NOT NULL GROUP BY hold_id
               HAVING bool_and(kind NOT IN ('SETTLE', 'RELEASE', 'EXPIRE')) ORDER BY hold_id LIMIT $1`,
      },
      [limit],
    );
    return rows.map(({ hold_id }) => hold_id);
  }

  /** The balances that the charges of these requests were posted on, by request; none where nothing was posted. */
  async findPostedBalances(tx: Tx, requestIds: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>> {
    if (requestIds.length === 0) return new Map();
    const rows = await rowsOf<{ request_id: string; ids: string[] }>(
      tx,
      {
        text: `SELECT e.request_id, array_agg(DISTINCT m.id) AS ids
                 FROM ledger_entry e, unnest(e.balance_ids, e.posted_delta) AS m(id, posted)
                WHERE e.request_id = ANY($1) AND e.kind = 'SETTLE' AND m.posted <> 0 GROUP BY e.request_id`,
      },
      [requestIds],
    );
    return new Map(rows.map(({ request_id, ids }) => [request_id, ids.map(Number)]));
  }

  /** Charges of calls that were ended as unknown, with what corrected them since by their hold; by request id. */
  async findUnconfirmed(tx: Tx, requestIds: readonly string[]): Promise<ReadonlyMap<string, UnconfirmedCharge>> {
    const rows = await rowsOf<{
      request_id: string;
      usage_id: string;
      used_at: Date;
      currency: string;
      cost: string;
      ids: string[];
      posted: string[];
    }>(
      tx,
      {
        text: `WITH charges AS (
                 SELECT e.id, e.at, e.request_id, e.currency, e.amount, e.balance_ids, e.posted_delta FROM ledger_entry e
                  WHERE e.request_id = ANY($1) AND (e.kind = 'SETTLE' AND e.reason = 'unknown' OR e.kind = 'ADJUST' AND e.ref = e.hold_id::text)),
               moves AS (
                 SELECT c.request_id, m.id, sum(m.posted) AS posted FROM charges c, unnest(c.balance_ids, c.posted_delta) AS m(id, posted)
                  GROUP BY c.request_id, m.id)
               SELECT u.request_id, u.id AS usage_id, u.at AS used_at, u.currency,
                      (SELECT sum(c.amount) FROM charges c WHERE c.request_id = u.request_id)::numeric(28,12) AS cost,
                      ARRAY(SELECT m.id FROM moves m WHERE m.request_id = u.request_id ORDER BY m.id) AS ids,
                      ARRAY(SELECT m.posted::numeric(28,12)::text FROM moves m WHERE m.request_id = u.request_id ORDER BY m.id) AS posted
                 FROM usage_record u
                WHERE u.request_id = ANY($1) AND u.unconfirmed AND u.outcome = 'unknown'
                  AND EXISTS (SELECT FROM charges c WHERE c.request_id = u.request_id)`,
      },
      [requestIds],
    );
    return new Map(
      rows.map((row) => [
        row.request_id,
        {
          requestId: row.request_id,
          usageId: row.usage_id,
          usedAtMs: row.used_at.getTime(),
          currency: row.currency,
          cost: parseAmount(row.cost),
          posted: new Map(row.ids.map((id, index) => [Number(id), parseAmount(row.posted[index] ?? '')])),
        },
      ]),
    );
  }

  /** Holds that were opened more than once, or that moved after they were resolved; at most 100. */
  async findDisorderedHolds(tx: Tx): Promise<readonly string[]> {
    const rows = await rowsOf<{ hold_id: string }>(tx, {
      text: `SELECT hold_id FROM ledger_entry WHERE hold_id IS NOT NULL GROUP BY hold_id
             HAVING count(*) FILTER (WHERE kind = 'HOLD') > 1
                 OR max(at) FILTER (WHERE kind IN ('HOLD', 'EXTEND', 'SHRINK'))
                  > min(at) FILTER (WHERE kind IN ('SETTLE', 'RELEASE', 'EXPIRE'))
             ORDER BY hold_id LIMIT 100`,
    });
    return rows.map(({ hold_id }) => hold_id);
  }

  /** What unresolved holds hold, by hold and balance: `hold|balance`. */
  async findHeldByHold(tx: Tx): Promise<ReadonlyMap<string, PicoUsd>> {
    const rows = await rowsOf<{ hold_id: string; id: string; held: string }>(tx, {
      text: `SELECT e.hold_id, m.id, sum(m.held)::numeric(28,12) AS held
             FROM ledger_entry e, unnest(e.balance_ids, e.held_delta) AS m(id, held)
             WHERE e.hold_id IN (SELECT hold_id FROM ledger_entry WHERE hold_id IS NOT NULL GROUP BY hold_id
               HAVING bool_and(kind NOT IN ('SETTLE', 'RELEASE', 'EXPIRE')))
             GROUP BY e.hold_id, m.id`,
    });
    return new Map(rows.map(({ hold_id, id, held }) => [`${hold_id}|${id}`, parseAmount(held)]));
  }

  /** Requests whose charges of attempts differ from what the ledger posted for them; at most 100. */
  async findMismatchedRequests(tx: Tx): Promise<readonly RequestMismatch[]> {
    const rows = await rowsOf<{ request_id: string; used: string; charged: string }>(tx, {
      text: `SELECT request_id, coalesce(u.used, 0)::numeric(28,12) AS used, coalesce(l.charged, 0)::numeric(28,12) AS charged
             FROM (SELECT request_id, currency, sum(cost) AS used
                     FROM (SELECT request_id, currency, cost FROM usage_record
                           UNION ALL SELECT request_id, currency, amount FROM usage_adjustment) used
                    GROUP BY request_id, currency) u
             FULL JOIN (SELECT request_id, currency, sum(amount) AS charged FROM ledger_entry
               WHERE kind IN ('SETTLE', 'ADJUST') AND request_id IS NOT NULL GROUP BY request_id, currency) l
               USING (request_id, currency)
             WHERE coalesce(u.used, 0) <> coalesce(l.charged, 0) ORDER BY request_id LIMIT 100`,
    });
    return rows.map((row) => ({
      requestId: row.request_id,
      used: parseAmount(row.used),
      charged: parseAmount(row.charged),
    }));
  }

  /** What a scope used in a stretch of time, by the start of its attempts. Calls that were never dispatched count nothing. */
  async findPastUsage(tx: Tx, wish: PastWish): Promise<PastUsage> {
    const [row] = await rowsOf<{ cost: string; tokens: string; requests: string }>(tx, { text: PAST }, [
      wish.orgId,
      wish.currency,
      new Date(wish.fromMs),
      new Date(wish.toMs),
      wish.teamId,
      wish.userId,
      wish.keyId,
      wish.investigationId,
      wish.operationId,
      wish.providerIds,
      wish.models,
      wish.criticalities,
    ]);
    if (row === undefined) throw new Error('An aggregate has one row');
    return { cost: parseAmount(row.cost), tokens: Number(row.tokens), requests: Number(row.requests) };
  }
}

const PAST = `
  SELECT coalesce(sum(cost), 0)::numeric(28,12) AS cost,
    coalesce(sum(input + cached_input + cache_write + output + reasoning), 0) AS tokens,
    count(DISTINCT request_id) AS requests
  FROM usage_record
  WHERE org_id = $1 AND currency = $2 AND at >= $3 AND at < $4
    AND ($5::uuid IS NULL OR team_id = $5) AND ($6::uuid IS NULL OR user_id = $6) AND ($7::uuid IS NULL OR key_id = $7)
    AND ($8::uuid IS NULL OR investigation_id = $8) AND ($9::uuid IS NULL OR operation_id = $9)
    AND ($10::uuid[] IS NULL OR provider_id = ANY($10)) AND ($11::text[] IS NULL OR model = ANY($11))
    AND ($12::text[] IS NULL OR criticality = ANY($12))`;
