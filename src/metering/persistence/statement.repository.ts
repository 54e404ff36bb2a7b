import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { formatAmount, parseAmount, type PicoUsd } from '../../platform/money/index.js';
import { monthBounds, type StatementLine, type StatementScope, type StatementSum } from '../domain/statement-lines.js';

/** Whose usage of which money. */
export interface StatementSubject {
  readonly orgId: string;
  readonly scopeType: StatementScope;
  /** Id, or the code of a cost centre. */
  readonly scopeId: string;
  readonly currency: string;
}

/** A statement without its lines. */
export interface Statement extends StatementSubject {
  readonly id: string;
  /** `2026-11`. */
  readonly month: string;
  readonly state: 'DRAFT' | 'FINAL';
  readonly lines: number;
  /** Σ of all lines, corrections included. */
  readonly total: PicoUsd;
  readonly corrections: PicoUsd;
  /** Lower-case hex, of a FINAL one. */
  readonly sha256: string | null;
  readonly asOfMs: number;
  readonly madeBy: string;
  readonly createdAtMs: number;
}

interface Row {
  readonly id: string;
  readonly org_id: string;
  readonly scope_type: StatementScope;
  readonly scope_id: string;
  readonly month: string;
  readonly currency: string;
  readonly state: 'DRAFT' | 'FINAL';
  readonly lines: number;
  readonly total: string;
  readonly corrections: string;
  readonly sha256: string | null;
  readonly as_of: Date;
  readonly made_by: string;
  readonly created_at: Date;
}

interface SumRow {
  readonly team_id: string | null;
  readonly investigation_id: string | null;
  readonly provider: string;
  readonly model: string;
  readonly requests: string;
  readonly tokens: string;
  readonly cost: string;
  readonly unconfirmed: string;
}

const COLUMNS = `id, org_id, scope_type, scope_id, to_char(month, 'YYYY-MM') AS month, currency, state, lines, total, corrections,
  encode(sha256, 'hex') AS sha256, as_of, made_by, created_at`;

const fromRow = (row: Row): Statement => ({
  id: row.id,
  orgId: row.org_id,
  scopeType: row.scope_type,
  scopeId: row.scope_id,
  month: row.month,
  currency: row.currency,
  state: row.state,
  lines: row.lines,
  total: parseAmount(row.total),
  corrections: parseAmount(row.corrections),
  sha256: row.sha256,
  asOfMs: row.as_of.getTime(),
  madeBy: row.made_by,
  createdAtMs: row.created_at.getTime(),
});

const toSum = (row: SumRow): StatementSum => ({
  teamId: row.team_id,
  investigationId: row.investigation_id,
  provider: row.provider,
  model: row.model,
  requests: BigInt(row.requests),
  tokens: BigInt(row.tokens),
  cost: parseAmount(row.cost),
  unconfirmed: parseAmount(row.unconfirmed),
});

/** `$1` organisation, `$2` currency, `$3` and `$4` the month, `$5` the scope's id. */
const OF_SCOPE: Readonly<Record<StatementScope, string>> = {
  ORGANISATION: `$5 = u.org_id::text`,
  TEAM: `u.team_id::text = $5`,
  INVESTIGATION: `u.investigation_id::text = $5`,
  // An investigation's own cost centre comes before its team's.
  COST_CENTRE: `coalesce(
      (SELECT m.cost_centre FROM cost_centre_member m
        WHERE m.org_id = u.org_id AND m.kind = 'INVESTIGATION' AND m.subject_id = u.investigation_id),
      (SELECT m.cost_centre FROM cost_centre_member m
        WHERE m.org_id = u.org_id AND m.kind = 'TEAM' AND m.subject_id = u.team_id)) = $5`,
};

const subjectOf = ({ orgId, scopeType, scopeId, currency }: StatementSubject): unknown[] => [
  orgId,
  scopeType,
  scopeId,
  currency,
];
const OF_SUBJECT = 'org_id = $1 AND scope_type = $2 AND scope_id = $3 AND currency = $4';

/** Statements and their lines. */
@Injectable()
export class StatementRepository {
  /** Nobody else makes a statement of the subject until the transaction ends. */
  async lock(tx: Tx, subject: StatementSubject): Promise<void> {
    await rowsOf(tx, { text: `SELECT pg_advisory_xact_lock(4242006, hashtext($1))` }, [subjectOf(subject).join('\n')]);
  }

  /** What a subject used in a month as far as it is known, from rollups and what is younger; sorted. */
  async sumMonth(tx: Tx, subject: StatementSubject, month: string): Promise<readonly StatementSum[]> {
    const { fromMs, toMs } = monthBounds(month);
    const rows = await rowsOf<SumRow>(
      tx,
      {
        text: `SELECT u.team_id, u.investigation_id, u.provider, u.model, sum(u.requests)::text AS requests,
                      sum(u.input + u.cached_input + u.cache_write + u.output + u.reasoning)::text AS tokens,
                      sum(u.cost)::numeric(28,12) AS cost, sum(u.unconfirmed)::numeric(28,12) AS unconfirmed
                 FROM usage_current u
                WHERE u.org_id = $1 AND u.currency = $2 AND u.start >= $3 AND u.start < $4 AND ${OF_SCOPE[subject.scopeType]}
                GROUP BY u.team_id, u.investigation_id, u.provider, u.model
                ORDER BY u.team_id, u.investigation_id, u.provider, u.model`,
      },
      [subject.orgId, subject.currency, new Date(fromMs), new Date(toMs), subject.scopeId],
    );
    return rows.map(toSum);
  }

  /** Everything that FINAL statements of a subject said about a month, corrections of later ones included. */
  async findStated(tx: Tx, subject: StatementSubject, month: string): Promise<readonly StatementSum[]> {
    const rows = await rowsOf<SumRow>(
      tx,
      {
        text: `SELECT l.team_id, l.investigation_id, l.provider, l.model, l.requests, l.tokens, l.cost, l.unconfirmed
                 FROM statement_line l JOIN statement s ON s.id = l.statement_id
                WHERE ${OF_SUBJECT.replaceAll(/(\w+) =/g, 's.$1 =')} AND s.state = 'FINAL' AND l.month = $5::date`,
      },
      [...subjectOf(subject), `${month}-01`],
    );
    return rows.map(toSum);
  }

  /** Months of a subject that were stated for good, latest first, at most `limit`. */
  async findFinalMonths(tx: Tx, subject: StatementSubject, limit: number): Promise<readonly string[]> {
    const rows = await rowsOf<{ month: string }>(
      tx,
      {
        text: `SELECT to_char(month, 'YYYY-MM') AS month FROM statement WHERE ${OF_SUBJECT} AND state = 'FINAL'
                ORDER BY statement.month DESC LIMIT $5`,
      },
      [...subjectOf(subject), limit],
    );
    return rows.map(({ month }) => month);
  }

  /** Removes the draft of a month, if there is one. */
  async deleteDraft(tx: Tx, subject: StatementSubject, month: string): Promise<void> {
    await rowsOf(tx, { text: `DELETE FROM statement WHERE ${OF_SUBJECT} AND month = $5::date AND state = 'DRAFT'` }, [
      ...subjectOf(subject),
      `${month}-01`,
    ]);
  }

  /** Writes a statement with its lines, numbered from 1. `audit`: which records it stands on. */
  async insert(tx: Tx, statement: Statement, lines: readonly StatementLine[], audit: object): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO statement (id, org_id, scope_type, scope_id, month, currency, state, lines, total, corrections, sha256, audit,
                                      as_of, made_by, created_at)
               VALUES ($1, $2, $3, $4, $5::date, $6, $7, $8, $9, $10, decode($11, 'hex'), $12, $13, $14, $15)`,
      },
      [
        statement.id,
        statement.orgId,
        statement.scopeType,
        statement.scopeId,
        `${statement.month}-01`,
        statement.currency,
        statement.state,
        lines.length,
        formatAmount(statement.total),
        formatAmount(statement.corrections),
        statement.sha256,
        JSON.stringify(audit),
        new Date(statement.asOfMs),
        statement.madeBy,
        new Date(statement.createdAtMs),
      ],
    );
    await rowsOf(
      tx,
      {
        text: `INSERT INTO statement_line (statement_id, n, class, month, team_id, investigation_id, provider, model, requests, tokens,
                                           cost, unconfirmed)
               SELECT $1, row_number() OVER (), * FROM unnest($2::text[], $3::date[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
                 $8::bigint[], $9::bigint[], $10::numeric[], $11::numeric[])`,
      },
      [
        statement.id,
        lines.map((line) => line.class),
        lines.map(({ month }) => `${month}-01`),
        lines.map(({ teamId }) => teamId),
        lines.map(({ investigationId }) => investigationId),
        lines.map(({ provider }) => provider),
        lines.map(({ model }) => model),
        lines.map(({ requests }) => String(requests)),
        lines.map(({ tokens }) => String(tokens)),
        lines.map(({ cost }) => formatAmount(cost)),
        lines.map(({ unconfirmed }) => formatAmount(unconfirmed)),
      ],
    );
  }

  async find(tx: Tx, orgId: string, id: string): Promise<Statement | undefined> {
    const [row] = await rowsOf<Row>(tx, { text: `SELECT ${COLUMNS} FROM statement WHERE org_id = $1 AND id = $2` }, [
      orgId,
      id,
    ]);
    return row === undefined ? undefined : fromRow(row);
  }

  /** Newest first, one more than `limit` when there are more. `month`: only that one. */
  async findPage(
    tx: Tx,
    filter: { readonly orgId: string; readonly month: string | null },
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Statement[]> {
    const rows = await rowsOf<Row>(
      tx,
      {
        text: `SELECT ${COLUMNS} FROM statement
                WHERE org_id = $1 AND ($2::date IS NULL OR statement.month = $2::date)
                  AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
                ORDER BY created_at DESC, id DESC LIMIT $5`,
      },
      [
        filter.orgId,
        filter.month === null ? null : `${filter.month}-01`,
        page.after?.key ?? null,
        page.after?.id ?? null,
        page.limit + 1,
      ],
    );
    return rows.map(fromRow);
  }

  /** Lines after number `after`, one more than `limit` when there are more. */
  async findLines(
    tx: Tx,
    id: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly (StatementLine & { readonly n: number })[]> {
    const rows = await rowsOf<SumRow & { n: number; class: 'USAGE' | 'CORRECTION'; month: string }>(
      tx,
      {
        text: `SELECT n, class, to_char(month, 'YYYY-MM') AS month, team_id, investigation_id, provider, model, requests, tokens, cost,
                      unconfirmed
                 FROM statement_line WHERE statement_id = $1 AND n > $2 ORDER BY n LIMIT $3`,
      },
      [id, page.after, page.limit + 1],
    );
    return rows.map((row) => ({ ...toSum(row), n: row.n, class: row.class, month: row.month }));
  }
}
