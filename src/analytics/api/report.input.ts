import { z } from 'zod';

import { AppError } from '../../platform/errors/index.js';
import { pageQuery } from '../../platform/http/index.js';
import { EXPORT_FORMATS } from '../domain/export-lines.js';
import { FOCUS_VERSIONS } from '../domain/focus-columns.js';
import { REPORT_KINDS, type ReportKind, type ReportQuery } from '../domain/report-query.js';
import { DIMENSIONS, GRANULARITIES, type UsageFilter } from '../domain/usage-filter.js';

const MAX_NAMES = 200;
const BILLING_CURRENCY = 'USD';
const SIMULATED_CURRENCY = 'XTS';

const currency = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code');
const ids = z.array(z.uuid()).max(MAX_NAMES).default([]);
const instant = z.iso.datetime({ offset: true });
/** `a,b,c` of a query string. */
// eslint-disable-next-line @typescript-eslint/explicit-function-return-type -- the type of a pipe is longer than what it says
function listOf<Out>(item: z.ZodType<Out>) {
  return z
    .string()
    .max(10_000)
    .transform((text) => text.split(',').filter((part) => part !== ''))
    .pipe(z.array(item as z.ZodType<Out, string>).max(MAX_NAMES));
}

/** `/api/reports/{kind}`. */
export const reportKindPath = z.strictObject({ kind: z.enum(REPORT_KINDS) });
/** `/api/reports/{id}`. */
export const reportIdPath = z.strictObject({ id: z.uuid() });
/** `?limit&cursor` */
export const reportListQuery = pageQuery;

/** What a file shall hold. Days are whole, UTC, `to` exclusive. */
export const newReportInput = z.strictObject({
  from: z.iso.date(),
  to: z.iso.date(),
  format: z.enum(EXPORT_FORMATS).default('csv'),
  currency: currency.optional(),
  includeSimulated: z.boolean().default(false),
  investigations: ids,
  teams: ids,
  users: ids,
  groupBy: z.array(z.enum(DIMENSIONS)).max(4).default(['INVESTIGATION', 'USER', 'PROVIDER', 'MODEL']),
  period: z.enum(['hour', 'day']).default('day'),
  spec: z.enum(FOCUS_VERSIONS).default('1.2'),
});

/** @throws AppError invalid_value — a chargeback does not cover whole months */
export function toReportQuery(kind: ReportKind, input: z.output<typeof newReportInput>): ReportQuery {
  const { from, to, currency: wanted, groupBy, ...rest } = input;
  if (kind === 'chargeback' && (!from.endsWith('-01') || !to.endsWith('-01'))) {
    throw new AppError('invalid_value', 'A chargeback covers whole months: from and to are first days of months.', {
      param: 'from',
    });
  }
  return {
    kind,
    ...rest,
    by: groupBy,
    currency: wanted ?? (rest.includeSimulated ? SIMULATED_CURRENCY : BILLING_CURRENCY),
    fromMs: Date.parse(from),
    toMs: Date.parse(to),
  };
}

const filter = {
  from: instant,
  to: instant,
  timeZone: z.string().max(100).default('UTC'),
  currency: currency.optional(),
  simulated: z.stringbool().default(false),
  teams: listOf(z.uuid()).optional(),
  users: listOf(z.uuid()).optional(),
  investigations: listOf(z.uuid()).optional(),
  operations: listOf(z.uuid()).optional(),
  keys: listOf(z.uuid()).optional(),
  providers: listOf(z.string()).optional(),
  models: listOf(z.string()).optional(),
};
const dimensions = listOf(z.enum(DIMENSIONS));

/** `GET /api/usage` */
export const usageQuery = z.strictObject({
  ...filter,
  granularity: z.enum(GRANULARITIES).default('DAY'),
  groupBy: dimensions.optional(),
});

/** `GET /api/usage/costs` */
export const costQuery = z.strictObject({ ...filter, by: dimensions, ...pageQuery.shape });

/** The filter of a query string. */
export function toUsageFilter(query: z.output<typeof usageQuery> | z.output<typeof costQuery>): UsageFilter {
  const { from, to, timeZone, currency: wanted, simulated } = query;
  const { teams, users, investigations, operations, keys, providers, models } = query;
  const lists = { teams, users, investigations, operations, keys, providers, models };
  return {
    ...(Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== undefined)) as Partial<UsageFilter>),
    fromMs: Date.parse(from),
    toMs: Date.parse(to),
    timeZone,
    simulated,
    currency: wanted ?? (simulated ? SIMULATED_CURRENCY : BILLING_CURRENCY),
  };
}
