import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import { parseAmount, type PicoUsd } from '../../platform/money/index.js';
import type { ThresholdState } from '../domain/thresholds.js';

/** A threshold of one balance. */
export interface ThresholdKey {
  readonly balanceId: number;
  readonly thresholdId: string;
  readonly orgId: string;
}

/** A change of state. `n` counts the firings of the threshold in its window. */
export interface Transition extends ThresholdKey {
  readonly n: number;
}

/** A balance with the states of its thresholds. */
export interface WatchedBalance {
  readonly id: number;
  readonly orgId: string;
  readonly limitId: string;
  readonly subject: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly limit: PicoUsd;
  readonly posted: PicoUsd;
  readonly held: PicoUsd;
  /** By threshold id; absent: it never fired or waited. */
  readonly states: ReadonlyMap<string, ThresholdState>;
}

interface WatchedRow {
  readonly id: string;
  readonly org_id: string;
  readonly limit_id: string;
  readonly subject: string;
  readonly starts_at: Date;
  readonly ends_at: Date;
  readonly limit_amount: string;
  readonly posted: string;
  readonly held: string;
  readonly states: readonly { readonly id: string; readonly state: 'ok' | 'firing'; readonly pending: number | null }[];
}

interface TransitionRow {
  readonly balance_id: string;
  readonly threshold_id: string;
  readonly org_id: string;
  readonly n: number;
}

const WATCHED = `
  SELECT b.id, b.org_id, b.limit_id, b.subject, b.starts_at, b.ends_at, b.limit_amount + b.extra_amount + b.rollover_amount AS limit_amount,
         b.posted, b.held,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.threshold_id, 'state', t.state,
                   'pending', (extract(epoch FROM t.pending_since) * 1000)::bigint)), '[]')
            FROM threshold_state t WHERE t.balance_id = b.id) AS states
    FROM budget_balance b`;

function toWatched(row: WatchedRow): WatchedBalance {
  return {
    id: Number(row.id),
    orgId: row.org_id,
    limitId: row.limit_id,
    subject: row.subject,
    startsAtMs: row.starts_at.getTime(),
    endsAtMs: row.ends_at.getTime(),
    limit: parseAmount(row.limit_amount),
    posted: parseAmount(row.posted),
    held: parseAmount(row.held),
    states: new Map(row.states.map(({ id, state, pending }) => [id, { state, pendingSinceMs: pending }])),
  };
}

const toTransition = (row: TransitionRow): Transition => ({
  balanceId: Number(row.balance_id),
  thresholdId: row.threshold_id,
  orgId: row.org_id,
  n: row.n,
});

const sorted = (keys: readonly ThresholdKey[]): readonly ThresholdKey[] =>
  [...keys].sort((a, b) => a.balanceId - b.balanceId || (a.thresholdId < b.thresholdId ? -1 : 1));
const columns = (keys: readonly ThresholdKey[]): unknown[] => [
  keys.map(({ balanceId }) => balanceId),
  keys.map(({ thresholdId }) => thresholdId),
  keys.map(({ orgId }) => orgId),
];

/** Rows of threshold_state. A transition is a change of a row's state: whoever makes it announces it, so it is announced once. */
@Injectable()
export class ThresholdRepository {
  /** Balances of windows that are running, or that ended while something fired; after `afterId`, in order of their ids. */
  async findWatched(
    tx: Tx,
    page: { readonly atMs: number; readonly afterId: number; readonly limit: number },
  ): Promise<readonly WatchedBalance[]> {
    const rows = await rowsOf<WatchedRow>(
      tx,
      {
        name: 'budgets_watched',
        text: `${WATCHED} WHERE b.id > $2 AND (b.ends_at > $1 OR EXISTS
                 (SELECT FROM threshold_state t WHERE t.balance_id = b.id AND t.state = 'firing')) ORDER BY b.id LIMIT $3`,
      },
      [new Date(page.atMs), page.afterId, page.limit],
    );
    return rows.map(toWatched);
  }

  /** Running balances of limits. */
  async findOfLimits(tx: Tx, limitIds: readonly string[], atMs: number): Promise<readonly WatchedBalance[]> {
    const rows = await rowsOf<WatchedRow>(
      tx,
      { text: `${WATCHED} WHERE b.limit_id = ANY($1) AND b.ends_at > $2 ORDER BY b.id` },
      [limitIds, new Date(atMs)],
    );
    return rows.map(toWatched);
  }

  /** Sets thresholds firing; returns those that were not. */
  async fire(tx: Tx, keys: readonly ThresholdKey[], atMs: number): Promise<readonly Transition[]> {
    if (keys.length === 0) return [];
    const rows = await rowsOf<TransitionRow>(
      tx,
      {
        name: 'budgets_threshold_fire',
        text: `INSERT INTO threshold_state AS t (balance_id, threshold_id, org_id, state, since, n)
               SELECT k.balance_id, k.threshold_id, k.org_id, 'firing', $4, 1
                 FROM unnest($1::bigint[], $2::text[], $3::uuid[]) AS k(balance_id, threshold_id, org_id)
               ON CONFLICT (balance_id, threshold_id) DO UPDATE SET state = 'firing', since = $4, n = t.n + 1, pending_since = NULL
                WHERE t.state = 'ok'
               RETURNING balance_id, threshold_id, org_id, n`,
      },
      [...columns(sorted(keys)), new Date(atMs)],
    );
    return rows.map(toTransition);
  }

  /** Sets thresholds quiet; returns those that fired. */
  async calm(tx: Tx, keys: readonly ThresholdKey[], atMs: number): Promise<readonly Transition[]> {
    if (keys.length === 0) return [];
    const rows = await rowsOf<TransitionRow>(
      tx,
      {
        text: `UPDATE threshold_state t SET state = 'ok', since = $4, pending_since = NULL
                 FROM unnest($1::bigint[], $2::text[], $3::uuid[]) AS k(balance_id, threshold_id, org_id)
                WHERE t.balance_id = k.balance_id AND t.threshold_id = k.threshold_id AND t.state = 'firing'
               RETURNING t.balance_id, t.threshold_id, t.org_id, t.n`,
      },
      [...columns(sorted(keys)), new Date(atMs)],
    );
    return rows.map(toTransition);
  }

  /** Notes since when thresholds wait beyond their edge; null: they do not any more. */
  async pend(tx: Tx, keys: readonly ThresholdKey[], sinceMs: number | null, atMs: number): Promise<void> {
    if (keys.length === 0) return;
    await rowsOf(
      tx,
      {
        text: `INSERT INTO threshold_state AS t (balance_id, threshold_id, org_id, state, since, n, pending_since)
               SELECT k.balance_id, k.threshold_id, k.org_id, 'ok', $5, 0, $4
                 FROM unnest($1::bigint[], $2::text[], $3::uuid[]) AS k(balance_id, threshold_id, org_id)
               ON CONFLICT (balance_id, threshold_id) DO UPDATE SET pending_since = $4 WHERE t.state = 'ok'`,
      },
      [...columns(sorted(keys)), sinceMs === null ? null : new Date(sinceMs), new Date(atMs)],
    );
  }

  /** When firing thresholds of running windows began to, by limit and subject. */
  async findFiring(
    tx: Tx,
    limitIds: readonly string[],
    atMs: number,
  ): Promise<
    readonly {
      readonly limitId: string;
      readonly subject: string;
      readonly thresholdId: string;
      readonly sinceMs: number;
    }[]
  > {
    const rows = await rowsOf<{ limit_id: string; subject: string; threshold_id: string; since: Date }>(
      tx,
      {
        text: `SELECT b.limit_id, b.subject, t.threshold_id, t.since FROM threshold_state t JOIN budget_balance b ON b.id = t.balance_id
                WHERE b.limit_id = ANY($1) AND b.starts_at <= $2 AND b.ends_at > $2 AND t.state = 'firing'`,
      },
      [limitIds, new Date(atMs)],
    );
    return rows.map((row) => ({
      limitId: row.limit_id,
      subject: row.subject,
      thresholdId: row.threshold_id,
      sinceMs: row.since.getTime(),
    }));
  }
}
