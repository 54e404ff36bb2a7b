import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import { parseAmount } from '../../platform/money/index.js';
import type { Dimension, Granularity, UsageFilter, UsageScope } from '../domain/usage-filter.js';
import type { GroupKey, UsagePoint } from '../domain/usage-totals.js';

const COLUMN: Readonly<Record<Dimension, string>> = {
  ORGANISATION: 'org_id',
  TEAM: 'team_id',
  USER: 'user_id',
  INVESTIGATION: 'investigation_id',
  OPERATION: 'operation_id',
  KEY: 'key_id',
  PROVIDER: 'provider',
  MODEL: 'model',
  DEPLOYMENT: 'deployment_id',
  TASK: 'task',
  CRITICALITY: 'criticality',
  OUTCOME: 'outcome',
};

const UNIT: Readonly<Record<Exclude<Granularity, 'TOTAL'>, string>> = { MINUTE: 'minute', HOUR: 'hour', DAY: 'day' };

const LISTS = {
  teams: 'team_id',
  users: 'user_id',
  investigations: 'investigation_id',
  operations: 'operation_id',
  keys: 'key_id',
  providers: 'provider',
  models: 'model',
} as const;

interface Row {
  readonly start: Date | null;
  readonly keys: (string | null)[];
  readonly labels: (string | null)[];
  readonly requests: string;
  readonly input: string;
  readonly cached_input: string;
  readonly cache_write: string;
  readonly output: string;
  readonly reasoning: string;
  readonly cost: string;
  readonly unconfirmed: string;
}

/** What to sum and how. */
export interface ReportQuery {
  readonly filter: UsageFilter;
  readonly scope: UsageScope;
  readonly granularity: Granularity;
  readonly by: readonly Dimension[];
  readonly limit: number;
  readonly offset: number;
  readonly order: 'time' | 'cost';
}

/** Sums over the usage facts. */
@Injectable()
export class UsageReportRepository {
  /** Groups in order of time, or dearest first; ties by key, so that a page is stable. */
  async sum(tx: Tx, query: ReportQuery): Promise<readonly UsagePoint[]> {
    await rowsOf(tx, { text: `SET LOCAL statement_timeout = '10s'` });
    const values: unknown[] = [];
    const bind = (value: unknown): string => `$${String(values.push(value))}`;
    const where = conditions(query, bind);
    const columns = query.by.map((dimension) => `${COLUMN[dimension]}::text`);
    const start =
      query.granularity === 'TOTAL'
        ? 'NULL::timestamptz'
        : `date_trunc('${UNIT[query.granularity]}', at, ${bind(query.filter.timeZone)})`;
    const keys = `ARRAY[${columns.join(', ')}]::text[]`;
    const dimensions = bind(query.by);
    const order = query.order === 'time' ? 'start NULLS FIRST, cost DESC, keys' : 'cost DESC, keys';
    const rows = await rowsOf<Row>(
      tx,
      {
        text: `WITH grouped AS (
                 SELECT ${start} AS start, ${keys} AS keys, count(DISTINCT request_id) AS requests, sum(input) AS input,
                        sum(cached_input) AS cached_input, sum(cache_write) AS cache_write, sum(output) AS output,
                        sum(reasoning) AS reasoning, sum(cost) AS cost,
                        coalesce(sum(cost) FILTER (WHERE unconfirmed), 0) AS unconfirmed
                   FROM usage_fact WHERE ${where.join(' AND ')} GROUP BY 1, 2)
               SELECT g.*, ARRAY(SELECT l.label FROM unnest(g.keys, ${dimensions}::text[]) WITH ORDINALITY AS k(id, dimension, n)
                          LEFT JOIN report_label l ON l.dimension = k.dimension AND l.id = k.id ORDER BY k.n) AS labels
                 FROM grouped g ORDER BY ${order} LIMIT ${bind(query.limit)} OFFSET ${bind(query.offset)}`,
      },
      values,
    );
    return rows.map((row) => fromRow(row, query));
  }

  /** Σ cost of everything the filter selects, in its currency. */
  async total(tx: Tx, query: Pick<ReportQuery, 'filter' | 'scope'>): Promise<bigint> {
    const values: unknown[] = [];
    const where = conditions(query, (value) => `$${String(values.push(value))}`);
    const [row] = await rowsOf<{ cost: string }>(
      tx,
      { text: `SELECT coalesce(sum(cost), 0)::numeric(28,12) AS cost FROM usage_fact WHERE ${where.join(' AND ')}` },
      values,
    );
    return parseAmount(row?.cost ?? '0');
  }
}

function conditions(
  { filter, scope }: Pick<ReportQuery, 'filter' | 'scope'>,
  bind: (value: unknown) => string,
): string[] {
  const where = [
    `org_id = ${bind(scope.orgId)}`,
    `at >= ${bind(new Date(filter.fromMs))}`,
    `at < ${bind(new Date(filter.toMs))}`,
    `currency = ${bind(filter.currency)}`,
  ];
  if (!filter.simulated) where.push('NOT simulated');
  if (scope.teamId !== null) where.push(`team_id = ${bind(scope.teamId)}`);
  if (scope.userId !== null) where.push(`user_id = ${bind(scope.userId)}`);
  for (const [member, column] of Object.entries(LISTS) as [keyof typeof LISTS, string][]) {
    const wanted = filter[member];
    if (wanted !== undefined && wanted.length > 0) where.push(`${column}::text = ANY(${bind(wanted)}::text[])`);
  }
  return where;
}

function fromRow(row: Row, { by, filter }: ReportQuery): UsagePoint {
  const { currency } = filter;
  return {
    startMs: row.start?.getTime() ?? null,
    key: by.map<GroupKey>((dimension, index) => {
      const id = row.keys[index] ?? null;
      return { dimension, id, label: row.labels[index] ?? id };
    }),
    totals: {
      requests: BigInt(row.requests),
      tokens: {
        input: BigInt(row.input),
        cachedInput: BigInt(row.cached_input),
        cacheWrite: BigInt(row.cache_write),
        output: BigInt(row.output),
        reasoning: BigInt(row.reasoning),
      },
      cost: { amount: parseAmount(row.cost), currency },
      unconfirmed: { amount: parseAmount(row.unconfirmed), currency },
    },
  };
}
