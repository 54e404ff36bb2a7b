import { z } from 'zod';

import { pageQuery } from '../platform/http/index.js';
import { CRITICALITIES } from '../platform/security/index.js';
import { BUDGET_METRICS, EACH_TYPES, ENFORCEMENTS, ON_EXHAUSTED, PERIODS, SCOPE_TYPES } from './domain/budget.js';
import {
  DEFAULT_THRESHOLDS,
  readThreshold,
  THRESHOLD_BASES,
  THRESHOLD_LEVELS,
  THRESHOLD_UNITS,
  type Threshold,
} from './domain/thresholds.js';
import { parseUnits } from './domain/units.js';
import { isTimeZone } from './domain/zone.js';

const MAX_LIMITS = 10;
const MAX_THRESHOLDS = 10;
const decimal = z.string().regex(/^\d{1,16}(\.\d{1,12})?$/, 'must be a decimal of at most 16 + 12 digits');
const name = z.string().trim().min(1).max(200);
const carveOutBp = z.int().min(0).max(10_000);

/** Percent of the limit, or an amount in the budget's metric. */
const thresholdInput = z
  .strictObject({
    at: decimal,
    unit: z.enum(THRESHOLD_UNITS).default('PERCENT'),
    basis: z.enum(THRESHOLD_BASES).default('ACTUAL'),
    level: z.enum(THRESHOLD_LEVELS).optional(),
    resolveAt: decimal.optional(),
  })
  .transform((text, context): Threshold => {
    try {
      return readThreshold(text);
    } catch {
      context.addIssue({ code: 'custom', path: ['resolveAt'], message: 'must lie below at, and at above 0' });
      return z.NEVER;
    }
  });

const limitInput = z
  .strictObject({
    period: z.enum(PERIODS),
    amount: decimal,
    from: z.iso.datetime().optional(),
    to: z.iso.datetime().optional(),
    rollover: z.boolean().default(false),
    thresholds: z.array(thresholdInput).max(MAX_THRESHOLDS).optional(),
  })
  .refine((limit) => (limit.period === 'CUSTOM') === (limit.from !== undefined && limit.to !== undefined), {
    path: ['from'],
    message: 'from and to belong to the period CUSTOM, and only to it',
  })
  .refine(({ rollover, period }) => !rollover || (period !== 'LIFETIME' && period !== 'CUSTOM'), {
    path: ['rollover'],
    message: 'belongs to periods that repeat',
  })
  .refine(({ thresholds = [] }) => new Set(thresholds.map(({ id }) => id)).size === thresholds.length, {
    path: ['thresholds'],
    message: 'each basis, unit and edge may stand once',
  })
  .refine((limit) => limit.from === undefined || limit.to === undefined || limit.from < limit.to, {
    path: ['to'],
    message: 'must lie after from',
  });

/** Body of `POST /api/budgets`. Amounts are decimals of the currency for COST, whole numbers for TOKENS and REQUESTS. */
export const newBudgetInput = z
  .strictObject({
    name,
    scope: z.strictObject({ type: z.enum(SCOPE_TYPES), id: z.string().min(1).max(200) }),
    each: z.enum(EACH_TYPES).nullable().default(null),
    match: z
      .strictObject({
        providers: z.array(z.uuid()).min(1).max(100).nullable().default(null),
        models: z.array(z.string().min(1).max(200)).min(1).max(100).nullable().default(null),
        criticalities: z.array(z.enum(CRITICALITIES)).min(1).nullable().default(null),
      })
      .prefault({}),
    metric: z.enum(BUDGET_METRICS).default('COST'),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
      .default('USD'),
    enforcement: z.enum(ENFORCEMENTS).default('HARD'),
    onExhausted: z.enum(ON_EXHAUSTED).default('BLOCK'),
    carveOutBp: carveOutBp.default(0),
    timeZone: z.string().refine(isTimeZone, 'must be an IANA name, for example Europe/Berlin').default('UTC'),
    weekStart: z.int().min(1).max(7).default(1),
    includePast: z.boolean().default(true),
    limits: z.array(limitInput).min(1).max(MAX_LIMITS),
  })
  .transform((budget, context) => ({
    ...budget,
    limits: budget.limits.map(({ period, amount, from, to, rollover, thresholds }, index) => ({
      period,
      amount: readUnits(budget.metric, amount, context, index),
      custom:
        from === undefined || to === undefined ? null : { startsAtMs: Date.parse(from), endsAtMs: Date.parse(to) },
      rollover,
      thresholds: thresholds ?? DEFAULT_THRESHOLDS,
    })),
  }))
  .meta({ id: 'NewBudget' });

function readUnits(
  metric: (typeof BUDGET_METRICS)[number],
  amount: string,
  context: z.RefinementCtx,
  index: number,
): ReturnType<typeof parseUnits> {
  try {
    return parseUnits(metric, amount);
  } catch {
    context.addIssue({
      code: 'custom',
      path: ['limits', index, 'amount'],
      message: `must be a whole number for ${metric}`,
    });
    return z.NEVER;
  }
}

/** Body of `PATCH /api/budgets/{id}`. */
export const budgetPatchInput = z
  .strictObject({
    name: name.optional(),
    enforcement: z.enum(ENFORCEMENTS).optional(),
    onExhausted: z.enum(ON_EXHAUSTED).optional(),
    carveOutBp: carveOutBp.optional(),
    limits: z
      .array(z.strictObject({ id: z.uuid(), amount: decimal }))
      .min(1)
      .max(MAX_LIMITS)
      .optional(),
  })
  .transform(({ limits, ...rest }) => ({
    ...rest,
    ...(limits === undefined
      ? {}
      : { limits: limits.map(({ id, amount }) => ({ id, amount: parseUnits('COST', amount) })) }),
  }))
  .meta({ id: 'BudgetPatch' });

/** Query of `GET /api/budgets`. */
export const budgetQuery = pageQuery;
