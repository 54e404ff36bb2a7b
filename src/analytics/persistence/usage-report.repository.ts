import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import { isUuid } from '../../platform/ids/index.js';
import { parseAmount } from '../../platform/money/index.js';
import type { Segment } from '../domain/cover-range.js';
import { rollupSuffix } from '../domain/rollup-level.js';
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
  SERVICE_TIER: 'tier',
  OUTCOME: 'outcome',
};

const IDS: ReadonlySet<Dimension> = new Set([
  'ORGANISATION',
  'TEAM',
  'USER',
  'INVESTIGATION',
  'OPERATION',
  'KEY',
  'DEPLOYMENT',
]);

const UNIT: Readonly<Record<Exclude<Granularity, 'TOTAL'>, string>> = { MINUTE: 'minute', HOUR: 'hour', DAY: 'day' };

const LISTS = {
  teams: 'TEAM',
  users: 'USER',
  investigations: 'INVESTIGATION',
  operations: 'OPERATION',
  keys: 'KEY',
  providers: 'PROVIDER',
  models: 'MODEL',
} as const satisfies Partial<Record<keyof UsageFilter, Dimension>>;

const COUNTS = [
  'requests',
  'input',
  'cached_input',
  'cache_write',
  'output',
  'reasoning',
  'cost',
  'unconfirmed',
] as const;
const SUMS = COUNTS.map((name) => `sum(${name}) AS ${name}`).join(', ');

interface Row extends Readonly<Record<(typeof COUNTS)[number], string>> {
  readonly start: Date | null;
  readonly keys: (string | null)[];
  /** Of all groups, not only those of the page; null unless asked for. */
  readonly whole: string | null;
}

/** What to sum and how. */
export interface ReportQuery {
  readonly filter: UsageFilter;
  readonly scope: UsageScope;
  readonly granularity: Granularity;
  readonly by: readonly Dimension[];
  /** Where the range is read; tiles of it. */
  readonly segments: readonly Segment[];
  readonly limit: number;
  readonly offset: number;
  readonly order: 'time' | 'cost';
}

/** A page of groups. */
export interface ReportPage {
  readonly points: readonly UsagePoint[];
  /** Σ cost of all groups, in the filter's currency. */
  readonly total: bigint;
}

type Bind = (value: unknown) => string;

/** Sums over usage: whole hours and days from rollups, the rest from records. */
@Injectable()
export class UsageReportRepository {
  /** Groups in order of time, or dearest first; ties by key, so that a page is stable. */
  async sum(tx: Tx, query: ReportQuery): Promise<ReportPage> {
    await rowsOf(tx, { text: `SET LOCAL statement_timeout = '10s'` });
    const values: unknown[] = [];
    const bind: Bind = (value) => `$${String(values.push(value))}`;
    const keys = query.by.map((dimension) => COLUMN[dimension]);
    const columns = [...(query.granularity === 'TOTAL' ? [] : ['start']), ...keys];
    // The sums of one segment are those of the whole.
    const isWhole = query.segments.length === 1;
    const groups = isWhole || columns.length === 0 ? '' : `GROUP BY ${columns.join(', ')}`;
    const order = query.order === 'time' ? 'start NULLS FIRST, cost DESC, keys' : 'cost DESC, keys';
    const facts = sourceOf(query, bind);
    const page = `LIMIT ${bind(query.limit)} OFFSET ${bind(query.offset)}`;
    const text = `
      WITH grouped AS (
        SELECT ${query.granularity === 'TOTAL' ? 'NULL::timestamptz AS start' : 'start'},
               ARRAY[${keys.map((key) => `${key}::text`).join(', ')}]::text[] AS keys, ${isWhole ? COUNTS.join(', ') : SUMS}
          FROM (${facts}) f ${groups})
      SELECT g.*, sum(g.cost) OVER () AS whole FROM grouped g ORDER BY ${order} ${page}`;
    const rows = await rowsOf<Row>(tx, { text }, values);
    // An aggregate over nothing has one row of nulls.
    const found = rows.filter(({ requests }) => (requests as string | null) !== null);
    const labels = await this.#labels(tx, query.by, found);
    return { points: found.map((row) => fromRow(row, query, labels)), total: parseAmount(rows[0]?.whole ?? '0') };
  }

  /** What stands for ids on a screen, by dimension and id. */
  async #labels(tx: Tx, by: readonly Dimension[], rows: readonly Row[]): Promise<ReadonlyMap<string, string>> {
    const wanted = new Map<string, readonly [Dimension, string]>();
    for (const { keys } of rows) {
      for (const [index, dimension] of by.entries()) {
        const id = keys[index] ?? null;
        if (id !== null && IDS.has(dimension)) wanted.set(labelKey(dimension, id), [dimension, id]);
      }
    }
    if (wanted.size === 0) return new Map();
    const pairs = [...wanted.values()];
    const found = await rowsOf<{ dimension: string; id: string; label: string }>(
      tx,
      {
        text: `SELECT l.dimension, l.id, l.label FROM report_label l
                 JOIN unnest($1::text[], $2::text[]) AS k(dimension, id) ON k.dimension = l.dimension AND k.id = l.id`,
      },
      [pairs.map(([dimension]) => dimension), pairs.map(([, id]) => id)],
    );
    return new Map(found.map(({ dimension, id, label }) => [labelKey(dimension, id), label]));
  }
}

const labelKey = (dimension: string, id: string): string => `${dimension} ${id}`;

/** One select per segment; each gives the start of a point, the grouped columns and the counts, already summed where that shrinks. */
function sourceOf(query: ReportQuery, bind: Bind): string {
  const { filter, granularity, by } = query;
  const conditions = conditionsOf(query, bind);
  const suffix = rollupSuffix(dimensionsOf(query));
  const zone = granularity === 'TOTAL' ? '' : bind(filter.timeZone);
  const columns = by.map((dimension) => COLUMN[dimension]);
  return query.segments
    .map(({ source, fromMs, toMs }) => {
      const at = source === 'record' ? 'at' : 'start';
      const start =
        granularity === 'TOTAL' ? 'NULL::timestamptz' : `date_trunc('${UNIT[granularity]}', ${at}, ${zone})`;
      const level = source === 'record' ? [] : [`level = '${source}${suffix}'`];
      const where = [
        ...level,
        `${at} >= ${bind(new Date(fromMs))}`,
        `${at} < ${bind(new Date(toMs))}`,
        ...conditions,
      ].join(' AND ');
      const groups = [...(granularity === 'TOTAL' ? [] : ['1']), ...columns].join(', ');
      return `SELECT ${[`${start} AS start`, ...columns, SUMS].join(', ')}
                FROM ${source === 'record' ? 'usage_fact' : 'usage_rollup'} WHERE ${where}${groups === '' ? '' : ` GROUP BY ${groups}`}`;
    })
    .join(' UNION ALL ');
}

/** Everything that a query groups or selects by. */
function dimensionsOf({ by, filter, scope }: Pick<ReportQuery, 'by' | 'filter' | 'scope'>): ReadonlySet<Dimension> {
  const used = new Set<Dimension>(by);
  if (scope.teamId !== null) used.add('TEAM');
  if (scope.userId !== null) used.add('USER');
  for (const [member, dimension] of Object.entries(LISTS) as [keyof typeof LISTS, Dimension][]) {
    if ((filter[member]?.length ?? 0) > 0) used.add(dimension);
  }
  return used;
}

function conditionsOf({ filter, scope }: Pick<ReportQuery, 'filter' | 'scope'>, bind: Bind): string[] {
  const where = [`org_id = ${bind(scope.orgId)}`, `currency = ${bind(filter.currency)}`];
  if (!filter.simulated) where.push('NOT simulated');
  if (scope.teamId !== null) where.push(`team_id = ${bind(scope.teamId)}`);
  if (scope.userId !== null) where.push(`user_id = ${bind(scope.userId)}`);
  for (const [member, dimension] of Object.entries(LISTS) as [keyof typeof LISTS, Dimension][]) {
    const wanted = filter[member];
    if (wanted === undefined || wanted.length === 0) continue;
    const column = COLUMN[dimension];
    // Ids are compared as ids, so that their indexes serve; what is no id names nothing.
    where.push(
      IDS.has(dimension)
        ? `${column} = ANY(${bind(wanted.filter(isUuid))}::uuid[])`
        : `${column} = ANY(${bind(wanted)}::text[])`,
    );
  }
  return where;
}

function fromRow(row: Row, { by, filter }: ReportQuery, labels: ReadonlyMap<string, string>): UsagePoint {
  const { currency } = filter;
  return {
    startMs: row.start?.getTime() ?? null,
    key: by.map<GroupKey>((dimension, index) => {
      const id = row.keys[index] ?? null;
      return { dimension, id, label: id === null ? null : (labels.get(labelKey(dimension, id)) ?? id) };
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
