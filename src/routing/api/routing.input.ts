import { z } from 'zod';

import { pageQuery } from '../../platform/http/index.js';
import { parseAmount } from '../../platform/money/index.js';
import { CRITICALITIES, TIERS } from '../../platform/security/index.js';
import { DEFAULT_POLICY_BODY } from '../domain/route-policy.js';

const model = z.string().min(1).max(200);
const names = z.array(z.string().min(1).max(100)).max(200);
const taskName = z.string().regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must be lower case letters, digits, underscore or dash');
const places = z.array(z.string().regex(/^[A-Z]{2,3}$/, 'must be a country code, EU or EEA')).max(50);
/** The record of policies must stay small: it is part of every snapshot. */
const MAX_ENTRIES = 100;

const fewEntries = (record: object): boolean => Object.keys(record).length <= MAX_ENTRIES;
const alias = model.refine((name) => name !== 'auto' && !name.startsWith('auto/'), 'auto is no alias');

/** A version of the routing policy; members left out allow everything. */
export const createRoutePolicyInput = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be lower case letters, digits, dot, underscore or dash'),
  body: z.strictObject({
    defaultTier: z.enum(TIERS).default(DEFAULT_POLICY_BODY.defaultTier),
    taskDefaults: z
      .record(taskName, z.strictObject({ tier: z.enum(TIERS).optional(), requires: names.optional() }))
      .refine(fewEntries, `has more than ${String(MAX_ENTRIES)} entries`)
      .default({}),
    aliases: z
      .record(alias, z.array(model).min(1).max(8))
      .refine(fewEntries, `has more than ${String(MAX_ENTRIES)} entries`)
      .default({}),
    allowedModels: names.nullable().default(null),
    allowedProviders: names.nullable().default(null),
    jurisdictions: places.nullable().default(null),
    autoModels: z.array(model).min(1).max(100).nullable().default(null),
    classifications: names.default([]),
    commitOn: z.enum(['default', 'any', 'content']).default(DEFAULT_POLICY_BODY.commitOn),
    onRefusal: z.enum(['return', 'fallback']).default(DEFAULT_POLICY_BODY.onRefusal),
    onCut: z.enum(['end', 'continue']).default(DEFAULT_POLICY_BODY.onCut),
    hedge: z
      .strictObject({
        criticalities: z
          .array(z.enum(CRITICALITIES))
          .min(1)
          .max(CRITICALITIES.length)
          .default(['critical-plus', 'critical']),
        dailyAmount: z.string().regex(/^\d{1,16}(\.\d{1,12})?$/),
        currency: z.string().regex(/^[A-Z]{3}$/),
      })
      .nullable()
      .default(null),
  }),
});

/** A request whose route is to be explained. Sizes that are left out are estimated from `request`. */
export const explainInput = z.strictObject({
  operation: z.enum(['chat', 'embeddings']).default('chat'),
  model,
  models: z.array(model).max(8).default([]),
  /** The OpenAI body, for capabilities, task and sizes. Nothing of it is sent or kept. */
  request: z.record(z.string().max(100), z.unknown()).default({}),
  inputTokens: z.int().min(0).max(100_000_000).optional(),
  outputBound: z.int().min(1).max(10_000_000).optional(),
  maxCost: z
    .strictObject({ amount: z.string().regex(/^\d{1,16}(\.\d{1,12})?$/), currency: z.string().regex(/^[A-Z]{3}$/) })
    .transform(({ amount, currency }) => ({ amount: parseAmount(amount), currency }))
    .optional(),
  classification: z.string().min(1).max(100).optional(),
  routing: z
    .strictObject({
      task: taskName.optional(),
      tier: z.enum(TIERS).optional(),
      minQuality: z.number().min(0).max(1).optional(),
      maxLatencyMs: z.int().min(1).max(600_000).optional(),
      jurisdictions: places.optional(),
      zeroRetention: z.boolean().optional(),
      providersAllow: names.optional(),
      providersDeny: names.optional(),
      requires: names.optional(),
      minContext: z.int().min(1).max(100_000_000).optional(),
      sessionKey: z.string().min(1).max(128).optional(),
    })
    .prefault({}),
});

/** Query of the list of versions. */
export const routePolicyListQuery = pageQuery;

/** See {@link createRoutePolicyInput}. */
export type CreateRoutePolicyInput = z.output<typeof createRoutePolicyInput>;
/** See {@link explainInput}. */
export type ExplainInput = z.output<typeof explainInput>;
/** See {@link routePolicyListQuery}. */
export type RoutePolicyListQuery = z.output<typeof routePolicyListQuery>;
