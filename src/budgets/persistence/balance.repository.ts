import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import { parseAmount, formatAmount, picoUsd, type PicoUsd } from '../../platform/money/index.js';
import type { BudgetMetric, Enforcement } from '../domain/budget.js';
import type { Balance, Delta } from '../domain/decide-holds.js';
import type { Hold, HoldLine, Resize, ServedDeployment, Settle } from '../domain/hold.js';

/** A balance that a call needs and that may not exist yet. */
export interface BalanceKey {
  readonly limitId: string;
  readonly orgId: string;
  readonly subject: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

/** Values of a balance on its first use. */
export interface NewBalance extends BalanceKey {
  readonly metric: BudgetMetric;
  readonly currency: string;
  /** What the scope had posted in the window before. */
  readonly posted: PicoUsd;
  /** What the window before left unused. */
  readonly rollover: PicoUsd;
}

/** A balance after a flush moved it. */
export interface MovedBalance {
  readonly id: number;
  readonly postedBefore: PicoUsd;
  readonly postedAfter: PicoUsd;
  readonly limit: PicoUsd;
  readonly limitId: string;
  readonly orgId: string;
  readonly subject: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly held: PicoUsd;
}

interface LockedRow {
  readonly id: string;
  readonly metric: BudgetMetric;
  readonly enforcement: Enforcement;
  readonly limit_amount: string;
  readonly extra: string;
  readonly carve_out_bp: number;
  readonly posted: string;
  readonly held: string;
}

interface HoldRow {
  readonly id: string;
  readonly org_id: string;
  readonly request_id: string;
  readonly currency: string;
  readonly amount: string;
  readonly balance_ids: string[];
  readonly amounts: string[];
  readonly plan: readonly { readonly metric: BudgetMetric; readonly only: readonly ServedDeployment[] | null }[];
  readonly opened_at: Date;
  readonly expires_at: Date;
  readonly revision: number;
}

const HOLD_COLUMNS =
  'id, org_id, request_id, currency, amount, balance_ids, amounts::text[] AS amounts, plan, opened_at, expires_at, revision';
const STATE_OF = { settle: 'settled', unknown: 'settled', release: 'released', expire: 'expired' } as const;
const decimal = (value: bigint): string => formatAmount(picoUsd(value));

function toHold(row: HoldRow): Hold {
  const lines = row.balance_ids.map((balanceId, index): HoldLine => {
    const part = row.plan[index];
    if (part === undefined) throw new Error(`Hold ${row.id} has more balances than lines`);
    return {
      balanceId: Number(balanceId),
      metric: part.metric,
      only: part.only,
      amount: parseAmount(row.amounts[index] ?? ''),
    };
  });
  return {
    id: row.id,
    orgId: row.org_id,
    requestId: row.request_id,
    currency: row.currency,
    amount: parseAmount(row.amount),
    lines,
    openedAtMs: row.opened_at.getTime(),
    expiresAtMs: row.expires_at.getTime(),
    revision: row.revision,
  };
}

/** Rows of budget_balance and hold. Locks are taken in ascending order of balance ids, always. */
@Injectable()
export class BalanceRepository {
  /** Ids of balances by key; those that do not exist are absent. */
  async findIds(tx: Tx, keys: readonly BalanceKey[]): Promise<ReadonlyMap<string, number>> {
    if (keys.length === 0) return new Map();
    const rows = await rowsOf<{ id: string; limit_id: string; subject: string; starts_at: Date }>(
      tx,
      {
        name: 'budgets_balance_ids',
        text: `SELECT b.id, b.limit_id, b.subject, b.starts_at FROM budget_balance b
                 JOIN unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS k(limit_id, subject, starts_at) USING (limit_id, subject, starts_at)`,
      },
      [
        keys.map(({ limitId }) => limitId),
        keys.map(({ subject }) => subject),
        keys.map(({ startsAtMs }) => new Date(startsAtMs)),
      ],
    );
    return new Map(rows.map((row) => [balanceKey(row.limit_id, row.subject, row.starts_at.getTime()), Number(row.id)]));
  }

  /** What the window of a balance left unused, at most its limit; undefined when nobody used that window. What calls still hold in
   *  it counts as used. */
  async findUnused(
    tx: Tx,
    { limitId, subject, startsAtMs }: Pick<BalanceKey, 'limitId' | 'subject' | 'startsAtMs'>,
  ): Promise<PicoUsd | undefined> {
    const [row] = await rowsOf<{ unused: string }>(
      tx,
      {
        text: `SELECT greatest(0, least(limit_amount, limit_amount + rollover_amount - posted - held))::numeric(28,12) AS unused
                 FROM budget_balance WHERE limit_id = $1 AND subject = $2 AND starts_at = $3`,
      },
      [limitId, subject, new Date(startsAtMs)],
    );
    return row === undefined ? undefined : parseAmount(row.unused);
  }

  /** Adds balances on first use, in sorted order; what somebody else added meanwhile stays. Limits are read under their lock, so
   *  that a change of the budget is never missed. Returns those that were added here. */
  async insertMissing(
    tx: Tx,
    balances: readonly NewBalance[],
  ): Promise<
    readonly { readonly id: number; readonly orgId: string; readonly currency: string; readonly posted: PicoUsd }[]
  > {
    if (balances.length === 0) return [];
    const rows = await rowsOf<{ id: string; org_id: string; currency: string; posted: string }>(
      tx,
      {
        text: `INSERT INTO budget_balance (limit_id, org_id, subject, starts_at, ends_at, metric, currency, enforcement, limit_amount,
                                           carve_out_bp, posted, peak, rollover_amount)
               SELECT n.limit_id, n.org_id, n.subject, n.starts_at, n.ends_at, n.metric, n.currency, b.enforcement, l.amount, b.carve_out_bp,
                      n.posted, n.posted, n.rollover
                 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[], $8::numeric[],
                             $9::numeric[])
                   AS n(limit_id, org_id, subject, starts_at, ends_at, metric, currency, posted, rollover)
                 JOIN budget_limit l ON l.id = n.limit_id JOIN budget b ON b.id = l.budget_id
                ORDER BY n.limit_id, n.subject, n.starts_at FOR SHARE OF l, b ON CONFLICT ON CONSTRAINT budget_balance_window DO NOTHING
               RETURNING id, org_id, currency, posted`,
      },
      [
        balances.map(({ limitId }) => limitId),
        balances.map(({ orgId }) => orgId),
        balances.map(({ subject }) => subject),
        balances.map(({ startsAtMs }) => new Date(startsAtMs)),
        balances.map(({ endsAtMs }) => new Date(endsAtMs)),
        balances.map(({ metric }) => metric),
        balances.map(({ currency }) => currency),
        balances.map(({ posted }) => formatAmount(posted)),
        balances.map(({ rollover }) => formatAmount(rollover)),
      ],
    );
    return rows.map((row) => ({
      id: Number(row.id),
      orgId: row.org_id,
      currency: row.currency,
      posted: parseAmount(row.posted),
    }));
  }

  /** Moves all balances of a flush when every HARD one still fits its strictest cap; undefined: nothing moved, somebody is short.
   *  One guarded statement, the common case. */
  async moveIfFits(tx: Tx, deltas: ReadonlyMap<number, Delta>): Promise<readonly MovedBalance[] | undefined> {
    if (deltas.size === 0) return [];
    const ids = [...deltas.keys()].sort((a, b) => a - b);
    const rows = await rowsOf<MovedRow & { fits: boolean }>(tx, { name: 'budgets_move', text: MOVE }, [
      ids,
      ids.map((id) => decimal(deltas.get(id)?.held ?? 0n)),
      ids.map((id) => decimal(deltas.get(id)?.posted ?? 0n)),
      false,
      ids.map((id) => (deltas.get(id)?.asked ?? 0n) > 0n),
    ]);
    return rows.length === ids.length ? rows.map(toMoved) : undefined;
  }

  /** Moves balances that are locked and decided. */
  async move(tx: Tx, deltas: ReadonlyMap<number, Delta>): Promise<readonly MovedBalance[]> {
    if (deltas.size === 0) return [];
    const ids = [...deltas.keys()].sort((a, b) => a - b);
    const rows = await rowsOf<MovedRow>(tx, { name: 'budgets_move', text: MOVE }, [
      ids,
      ids.map((id) => decimal(deltas.get(id)?.held ?? 0n)),
      ids.map((id) => decimal(deltas.get(id)?.posted ?? 0n)),
      true,
      ids.map((id) => (deltas.get(id)?.asked ?? 0n) > 0n),
    ]);
    if (rows.length !== ids.length) throw new Error('A balance vanished under its lock');
    return rows.map(toMoved);
  }

  /** Locks balances in ascending order and reads their newest state. */
  async lock(tx: Tx, ids: readonly number[]): Promise<ReadonlyMap<number, Balance>> {
    const rows = await rowsOf<LockedRow>(
      tx,
      {
        name: 'budgets_lock',
        text: `SELECT id, metric, enforcement, limit_amount, (extra_amount + rollover_amount) AS extra, carve_out_bp, posted, held
                 FROM budget_balance WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`,
      },
      [[...ids].sort((a, b) => a - b)],
    );
    return new Map(
      rows.map((row) => [
        Number(row.id),
        {
          id: Number(row.id),
          metric: row.metric,
          enforcement: row.enforcement,
          limit: parseAmount(row.limit_amount),
          extra: parseAmount(row.extra),
          carveOutBp: row.carve_out_bp,
          posted: parseAmount(row.posted),
          held: parseAmount(row.held),
        },
      ]),
    );
  }

  /** Adds holds. */
  async insertHolds(tx: Tx, holds: readonly Hold[]): Promise<void> {
    if (holds.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'budgets_hold_insert',
        // Arrays of different lengths travel as text: unnest would flatten arrays of arrays.
        text: `INSERT INTO hold (id, org_id, request_id, state, currency, amount, balance_ids, amounts, plan, opened_at, expires_at)
               SELECT h.id, h.org_id, h.request_id, 'held', h.currency, h.amount, h.balance_ids::bigint[], h.amounts::numeric[], h.plan, h.opened_at, h.expires_at
                 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::numeric[], $6::text[], $7::text[], $8::jsonb[], $9::timestamptz[], $10::timestamptz[])
                   AS h(id, org_id, request_id, currency, amount, balance_ids, amounts, plan, opened_at, expires_at)`,
      },
      [
        holds.map(({ id }) => id),
        holds.map(({ orgId }) => orgId),
        holds.map(({ requestId }) => requestId),
        holds.map(({ currency }) => currency),
        holds.map(({ amount }) => formatAmount(amount)),
        holds.map(({ lines }) => `{${lines.map(({ balanceId }) => String(balanceId)).join(',')}}`),
        holds.map(({ lines }) => `{${lines.map(({ amount }) => formatAmount(amount)).join(',')}}`),
        holds.map(({ lines }) => JSON.stringify(lines.map(({ metric, only }) => ({ metric, only })))),
        holds.map(({ openedAtMs }) => new Date(openedAtMs)),
        holds.map(({ expiresAtMs }) => new Date(expiresAtMs)),
      ],
    );
  }

  /** Changes the amounts of holds that are still held as the caller knows them. Returns those that were. */
  async resize(tx: Tx, resizes: readonly Resize[]): Promise<ReadonlySet<string>> {
    if (resizes.length === 0) return new Set();
    const rows = await rowsOf<{ id: string }>(
      tx,
      {
        name: 'budgets_hold_resize',
        text: `UPDATE hold SET amount = r.amount, amounts = r.amounts::numeric(28,12)[], revision = hold.revision + 1
                 FROM unnest($1::uuid[], $2::int[], $3::numeric[], $4::text[]) AS r(id, revision, amount, amounts)
                WHERE hold.id = r.id AND hold.state = 'held' AND hold.revision = r.revision RETURNING hold.id`,
      },
      [
        resizes.map(({ hold }) => hold.id),
        resizes.map(({ hold }) => hold.revision),
        resizes.map(({ to }) => formatAmount(to.amount)),
        resizes.map(({ to }) => `{${to.lines.map(({ amount }) => formatAmount(amount)).join(',')}}`),
      ],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Locks holds that are still held as the caller knows them. Returns those that were. */
  async lockHeld(tx: Tx, holds: readonly Hold[]): Promise<ReadonlySet<string>> {
    if (holds.length === 0) return new Set();
    const rows = await rowsOf<{ id: string }>(
      tx,
      {
        text: `SELECT hold.id FROM hold JOIN unnest($1::uuid[], $2::int[]) AS k(id, revision) USING (id, revision)
                WHERE state = 'held' ORDER BY hold.id FOR NO KEY UPDATE OF hold`,
      },
      [holds.map(({ id }) => id), holds.map(({ revision }) => revision)],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Resolves holds that are still held as the caller knows them; the row's change decides who owns it. Returns those that were
   *  ours. */
  async resolve(tx: Tx, settles: readonly Settle[]): Promise<ReadonlySet<string>> {
    if (settles.length === 0) return new Set();
    const rows = await rowsOf<{ id: string }>(
      tx,
      {
        name: 'budgets_hold_resolve',
        text: `UPDATE hold SET state = s.state FROM unnest($1::uuid[], $2::int[], $3::text[]) AS s(id, revision, state)
                WHERE hold.id = s.id AND hold.state = 'held' AND hold.revision = s.revision RETURNING hold.id`,
      },
      [
        settles.map(({ hold }) => hold.id),
        settles.map(({ hold }) => hold.revision),
        settles.map(({ reason }) => STATE_OF[reason]),
      ],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Open holds of requests. */
  async findHeld(tx: Tx, requestIds: readonly string[]): Promise<readonly Hold[]> {
    const rows = await rowsOf<HoldRow>(
      tx,
      { text: `SELECT ${HOLD_COLUMNS} FROM hold WHERE request_id = ANY($1) AND state = 'held'` },
      [requestIds],
    );
    return rows.map(toHold);
  }

  /** Holds past their life, oldest first. */
  async findHeldOlderThan(tx: Tx, atMs: number, limit: number): Promise<readonly Hold[]> {
    const rows = await rowsOf<HoldRow>(
      tx,
      {
        text: `SELECT ${HOLD_COLUMNS} FROM hold WHERE state = 'held' AND expires_at < $1 ORDER BY expires_at LIMIT $2`,
      },
      [new Date(atMs), limit],
    );
    return rows.map(toHold);
  }

  /** Every balance's projection, for the check against the ledger. */
  async findAllTotals(tx: Tx): Promise<ReadonlyMap<number, { readonly held: PicoUsd; readonly posted: PicoUsd }>> {
    const rows = await rowsOf<{ id: string; held: string; posted: string }>(tx, {
      text: 'SELECT id, held, posted FROM budget_balance',
    });
    return new Map(
      rows.map((row) => [Number(row.id), { held: parseAmount(row.held), posted: parseAmount(row.posted) }]),
    );
  }

  /** Which of these balances count cost in a window that still runs at `atMs`, with their currency. */
  async findRunningCost(tx: Tx, ids: readonly number[], atMs: number): Promise<ReadonlyMap<number, string>> {
    if (ids.length === 0) return new Map();
    const rows = await rowsOf<{ id: string; currency: string }>(
      tx,
      { text: `SELECT id, currency FROM budget_balance WHERE id = ANY($1) AND metric = 'COST' AND ends_at > $2` },
      [ids, new Date(atMs)],
    );
    return new Map(rows.map(({ id, currency }) => [Number(id), currency]));
  }

  /** Every open hold. */
  async findOpenHolds(tx: Tx): Promise<readonly Hold[]> {
    const rows = await rowsOf<HoldRow>(tx, { text: `SELECT ${HOLD_COLUMNS} FROM hold WHERE state = 'held'` });
    return rows.map(toHold);
  }
}

/** How a balance is found in a map. */
export function balanceKey(limitId: string, subject: string, startsAtMs: number): string {
  return `${limitId}|${subject}|${String(startsAtMs)}`;
}

interface MovedRow {
  readonly id: string;
  readonly before: string;
  readonly posted: string;
  readonly limit_amount: string;
  readonly limit_id: string;
  readonly org_id: string;
  readonly subject: string;
  readonly starts_at: Date;
  readonly ends_at: Date;
  readonly held: string;
}

const toMoved = (row: MovedRow): MovedBalance => ({
  id: Number(row.id),
  postedBefore: parseAmount(row.before),
  postedAfter: parseAmount(row.posted),
  limit: parseAmount(row.limit_amount),
  limitId: row.limit_id,
  orgId: row.org_id,
  subject: row.subject,
  startsAtMs: row.starts_at.getTime(),
  endsAtMs: row.ends_at.getTime(),
  held: parseAmount(row.held),
});

/** `$1` sorted ids, `$2` held deltas, `$3` posted deltas, `$4` move without asking, `$5` whether something new is held: a
 *  settlement in the same flush must not hide a hold that does not fit. The strict cap is the lowest class's, cut to a pico, so
 *  the guard can only be too careful; `FOR NO KEY UPDATE` in the materialised list reads the newest version after waiting. */
/** `overrun`: how far charges that nobody could refuse, beyond their hold or late, brought posted and held above the limit. */
const MOVE = `
  WITH d AS (SELECT * FROM unnest($1::bigint[], $2::numeric[], $3::numeric[], $5::boolean[]) AS d(id, h, p, asked)),
       k AS MATERIALIZED (
         SELECT id, limit_amount, extra_amount + rollover_amount AS extra, carve_out_bp, enforcement, posted, held
           FROM budget_balance WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE),
       g AS MATERIALIZED (
         SELECT $4 OR (count(*) = cardinality($1) AND bool_and(NOT d.asked OR k.enforcement <> 'HARD' OR
                  k.posted + k.held + d.h + d.p <= trunc(k.limit_amount * (10000 - k.carve_out_bp) * 0.0001, 12) + k.extra)) AS fits
           FROM k JOIN d USING (id))
  UPDATE budget_balance x
     SET held = x.held + d.h, posted = x.posted + d.p, version = x.version + 1,
         peak = greatest(x.peak, x.posted + x.held + d.h + d.p),
         overrun = CASE WHEN d.asked THEN x.overrun
                        ELSE greatest(x.overrun, x.posted + x.held + d.h + d.p - x.limit_amount - x.extra_amount - x.rollover_amount) END
    FROM d, k, g
   WHERE x.id = d.id AND k.id = d.id AND g.fits
  RETURNING x.id, k.posted AS before, x.posted, x.held, x.limit_amount + x.extra_amount + x.rollover_amount AS limit_amount, x.limit_id,
            x.org_id, x.subject, x.starts_at, x.ends_at`;
