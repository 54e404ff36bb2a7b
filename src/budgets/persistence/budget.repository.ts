import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { formatAmount, parseAmount, type PicoUsd } from '../../platform/money/index.js';
import type { Budget, BudgetLimit } from '../domain/budget.js';
import { readThreshold, writeThreshold, type ThresholdText } from '../domain/thresholds.js';

/** A window of a limit as it stands. */
export interface WindowState {
  readonly limitId: string;
  readonly subject: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly limit: PicoUsd;
  readonly extra: PicoUsd;
  readonly posted: PicoUsd;
  readonly held: PicoUsd;
}

interface BudgetRow {
  readonly id: string;
  readonly org_id: string;
  readonly name: string;
  readonly scope_type: Budget['scope']['type'];
  readonly scope_id: string;
  readonly each: Budget['each'];
  readonly match: Budget['match'];
  readonly metric: Budget['metric'];
  readonly currency: string;
  readonly enforcement: Budget['enforcement'];
  readonly on_exhausted: Budget['onExhausted'];
  readonly carve_out_bp: number;
  readonly time_zone: string;
  readonly week_start: number;
  readonly include_past: boolean;
  readonly managed_by: Budget['managedBy'];
  readonly state: Budget['state'];
  readonly version: number;
  readonly created_at: Date;
  readonly limits: readonly LimitJson[];
}

interface LimitJson {
  readonly id: string;
  readonly period: BudgetLimit['period'];
  readonly amount: string;
  readonly starts: number | null;
  readonly ends: number | null;
  readonly rollover: boolean;
  readonly thresholds: readonly ThresholdText[];
}

const SELECT = `
  SELECT b.id, b.org_id, b.name, b.scope_type, b.scope_id, b.each, b.match, b.metric, b.currency, b.enforcement, b.on_exhausted,
         b.carve_out_bp, b.time_zone, b.week_start, b.include_past, b.managed_by, b.state, b.version, b.created_at,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('id', l.id, 'period', l.period, 'amount', l.amount::text, 'rollover', l.rollover,
                  'starts', (extract(epoch FROM l.starts_at) * 1000)::bigint, 'ends', (extract(epoch FROM l.ends_at) * 1000)::bigint,
                  'thresholds', l.thresholds) ORDER BY l.id), '[]')
            FROM budget_limit l WHERE l.budget_id = b.id AND l.active) AS limits
    FROM budget b`;

function toLimit({ id, period, amount, starts, ends, rollover, thresholds }: LimitJson): BudgetLimit {
  const custom = starts === null || ends === null ? null : { startsAtMs: starts, endsAtMs: ends };
  return { id, period, amount: parseAmount(amount), custom, rollover, thresholds: thresholds.map(readThreshold) };
}

function fromRow(row: BudgetRow): Budget {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    scope: { type: row.scope_type, id: row.scope_id },
    each: row.each,
    match: row.match,
    metric: row.metric,
    currency: row.currency,
    enforcement: row.enforcement,
    onExhausted: row.on_exhausted,
    carveOutBp: row.carve_out_bp,
    timeZone: row.time_zone,
    weekStart: row.week_start,
    includePast: row.include_past,
    managedBy: row.managed_by,
    state: row.state,
    version: row.version,
    createdAtMs: row.created_at.getTime(),
    limits: row.limits.map(toLimit),
  };
}

/** Rows of budget and budget_limit, and the windows that hang on them. */
@Injectable()
export class BudgetRepository {
  /** Every active budget, by id. */
  async findActive(tx: Tx): Promise<readonly Budget[]> {
    const rows = await rowsOf<BudgetRow>(tx, { text: `${SELECT} WHERE b.state = 'active' ORDER BY b.id` });
    return rows.map(fromRow);
  }

  /** Active budgets of an organisation, oldest first. `ids`: only these. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number; readonly ids?: readonly string[] },
  ): Promise<readonly Budget[]> {
    const rows = await rowsOf<BudgetRow>(
      tx,
      {
        text: `${SELECT} WHERE b.org_id = $1 AND b.state = 'active' AND ($2::timestamptz IS NULL OR (b.created_at, b.id) > ($2, $3::uuid))
                  AND ($5::uuid[] IS NULL OR b.id = ANY($5)) ORDER BY b.created_at, b.id LIMIT $4`,
      },
      [orgId, page.after?.key ?? null, page.after?.id ?? null, page.limit, page.ids ?? null],
    );
    return rows.map(fromRow);
  }

  /** One budget of an organisation, locked for a change when asked. */
  async find(tx: Tx, orgId: string, id: string, forChange = false): Promise<Budget | undefined> {
    const [row] = await rowsOf<BudgetRow>(
      tx,
      { text: `${SELECT} WHERE b.org_id = $1 AND b.id = $2 ${forChange ? 'FOR NO KEY UPDATE OF b' : ''}` },
      [orgId, id],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Adds a budget with its limits. */
  async insert(tx: Tx, budget: Budget): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO budget (id, org_id, name, scope_type, scope_id, each, match, metric, currency, enforcement, on_exhausted, carve_out_bp,
                                   time_zone, week_start, include_past, managed_by, state, version, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
      },
      [
        budget.id,
        budget.orgId,
        budget.name,
        budget.scope.type,
        budget.scope.id,
        budget.each,
        JSON.stringify(budget.match),
        budget.metric,
        budget.currency,
        budget.enforcement,
        budget.onExhausted,
        budget.carveOutBp,
        budget.timeZone,
        budget.weekStart,
        budget.includePast,
        budget.managedBy,
        budget.state,
        budget.version,
        new Date(budget.createdAtMs),
      ],
    );
    for (const limit of budget.limits) await this.#insertLimit(tx, budget, limit);
  }

  /** Writes what may change of a budget and of its limits; open balances get the new limit at once, their usage stays. */
  async update(tx: Tx, budget: Budget): Promise<void> {
    await rowsOf(
      tx,
      {
        text: 'UPDATE budget SET name = $2, enforcement = $3, carve_out_bp = $4, state = $5, version = $6, on_exhausted = $7 WHERE id = $1',
      },
      [budget.id, budget.name, budget.enforcement, budget.carveOutBp, budget.state, budget.version, budget.onExhausted],
    );
    for (const { id, amount } of budget.limits) {
      await rowsOf(tx, { text: 'UPDATE budget_limit SET amount = $2 WHERE id = $1' }, [id, formatAmount(amount)]);
    }
    // After all limits: flushes that make balances lock in this order too.
    for (const { id, amount } of budget.limits) {
      await rowsOf(
        tx,
        {
          text: `UPDATE budget_balance SET limit_amount = $2, enforcement = $3, carve_out_bp = $4, version = version + 1
                  WHERE id IN (SELECT id FROM budget_balance WHERE limit_id = $1 AND ends_at > now() ORDER BY id FOR NO KEY UPDATE)`,
        },
        [id, formatAmount(amount), budget.enforcement, budget.carveOutBp],
      );
    }
  }

  /** Windows of limits that contain `atMs`; those without a balance yet are absent. */
  async findWindows(tx: Tx, limitIds: readonly string[], atMs: number): Promise<readonly WindowState[]> {
    const rows = await rowsOf<{
      limit_id: string;
      subject: string;
      starts_at: Date;
      ends_at: Date;
      limit_amount: string;
      extra: string;
      posted: string;
      held: string;
    }>(
      tx,
      {
        text: `SELECT limit_id, subject, starts_at, ends_at, limit_amount, extra_amount + rollover_amount AS extra, posted, held
                 FROM budget_balance WHERE limit_id = ANY($1) AND starts_at <= $2 AND ends_at > $2 ORDER BY limit_id, subject LIMIT 10000`,
      },
      [limitIds, new Date(atMs)],
    );
    return rows.map((row) => ({
      limitId: row.limit_id,
      subject: row.subject,
      startsAtMs: row.starts_at.getTime(),
      endsAtMs: row.ends_at.getTime(),
      limit: parseAmount(row.limit_amount),
      extra: parseAmount(row.extra),
      posted: parseAmount(row.posted),
      held: parseAmount(row.held),
    }));
  }

  async #insertLimit(tx: Tx, budget: Budget, limit: BudgetLimit): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO budget_limit (id, budget_id, org_id, period, amount, starts_at, ends_at, rollover, thresholds)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      },
      [
        limit.id,
        budget.id,
        budget.orgId,
        limit.period,
        formatAmount(limit.amount),
        limit.custom === null ? null : new Date(limit.custom.startsAtMs),
        limit.custom === null ? null : new Date(limit.custom.endsAtMs),
        limit.rollover,
        JSON.stringify(limit.thresholds.map(writeThreshold)),
      ],
    );
  }
}
