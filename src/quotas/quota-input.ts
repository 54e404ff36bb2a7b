import { z } from 'zod';

import { pageQuery } from '../platform/http/index.js';
import { CRITICALITIES } from '../platform/security/index.js';
import { METRICS, SUBJECT_TYPES } from './domain/quota.js';

const MAX_UNITS = 1_000_000_000_000;
const MAX_WINDOW_SECONDS = 2_678_400;

const units = z.int().min(1).max(MAX_UNITS);
const id = z.uuid();

/** `{"type":"USER","id":"…"}`; without an id the limit holds for each subject of the type, apart. */
const subject = z.strictObject({ type: z.enum(SUBJECT_TYPES), id: id.nullable().default(null) });

const quotaFields = {
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be lower case letters, digits, dot, underscore or dash'),
  subject,
  metric: z.enum(METRICS),
  limit: units,
  windowSeconds: z.int().min(1).max(MAX_WINDOW_SECONDS),
  burst: units,
  models: z.array(z.string().min(1).max(200)).min(1).max(100).nullable(),
};

/** A new quota. `windowSeconds` is required but for CONCURRENCY; `burst` is `limit` when left out. */
export const createQuotaInput = z
  .strictObject({
    ...quotaFields,
    windowSeconds: quotaFields.windowSeconds.optional(),
    burst: units.optional(),
    models: quotaFields.models.default(null),
  })
  .refine((quota) => (quota.metric === 'CONCURRENCY') === (quota.windowSeconds === undefined), {
    path: ['windowSeconds'],
    message: 'is required for REQUESTS and TOKENS, and does not exist for CONCURRENCY',
  })
  .refine((quota) => quota.metric !== 'CONCURRENCY' || quota.burst === undefined, {
    path: ['burst'],
    message: 'does not exist for CONCURRENCY',
  });

/** Members of a quota that can change; subject and metric cannot. */
export const patchQuotaInput = z
  .strictObject({
    name: quotaFields.name,
    limit: units,
    windowSeconds: quotaFields.windowSeconds,
    burst: units,
    models: quotaFields.models,
  })
  .partial();

/** Asks whether a call would run. Without a subject: the caller's own. */
export const checkQuotaInput = z.strictObject({
  userId: id.optional(),
  teamId: id.nullable().optional(),
  keyId: id.nullable().optional(),
  model: z.string().min(1).max(200).default('auto'),
  estimatedTokens: z.int().min(0).max(MAX_UNITS).default(0),
  criticality: z.enum(CRITICALITIES).optional(),
});

const extra = z.int().min(0).max(MAX_UNITS).default(0);

/** A request for an override. An empty `limits` lifts only the criticality cap. */
export const requestOverrideInput = z.strictObject({
  subject: z.strictObject({ type: z.enum(SUBJECT_TYPES), id }),
  limits: z
    .strictObject({ requests: extra, tokens: extra, concurrency: z.int().min(0).max(100_000).default(0) })
    .prefault({}),
  reason: z.string().trim().min(20).max(500),
  incidentRef: z.string().trim().min(1).max(100),
  expiresAt: z.iso.datetime(),
});

/** Query of both lists. */
export const quotaListQuery = pageQuery;

/** See {@link createQuotaInput}. */
export type CreateQuotaInput = z.output<typeof createQuotaInput>;
/** See {@link patchQuotaInput}. */
export type PatchQuotaInput = z.output<typeof patchQuotaInput>;
/** See {@link checkQuotaInput}. */
export type CheckQuotaInput = z.output<typeof checkQuotaInput>;
/** See {@link requestOverrideInput}. */
export type RequestOverrideInput = z.output<typeof requestOverrideInput>;
/** See {@link quotaListQuery}. */
export type QuotaListQuery = z.output<typeof quotaListQuery>;
