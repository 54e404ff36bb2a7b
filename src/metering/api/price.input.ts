import { z } from 'zod';

import { pageQuery } from '../../platform/http/index.js';
import { METERS } from '../domain/meter.js';

const name = z.string().min(1).max(200);
const amount = z.string().regex(/^\d{1,16}(\.\d{1,12})?$/, 'must be a decimal string ≥ 0, at most 12 decimals');
const minutes = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, UTC, as HH:MM');

/** `?model=…&vendor=…&at=2026-11-01T00:00:00Z`. */
export const priceListQuery = pageQuery.extend({
  vendor: name.optional(),
  model: name.optional(),
  at: z.iso.datetime({ offset: true }).optional(),
});

const price = z
  .strictObject({
    meter: z.enum(METERS),
    perUnit: amount.optional(),
    perMillion: amount.optional(),
    contextFrom: z.int().min(0).max(100_000_000).default(0),
  })
  .refine(({ perUnit, perMillion }) => (perUnit === undefined) !== (perMillion === undefined), {
    message: 'needs either perUnit or perMillion',
    path: ['perMillion'],
  });

/** New versions of a model's prices. The same selection (vendor, model, region, tier) for all of them. */
export const addPricesInput = z.strictObject({
  vendor: name,
  model: name,
  region: z.string().min(1).max(100).nullable().default(null),
  tier: z.string().min(1).max(100).default('standard'),
  daily: z.strictObject({ from: minutes, to: minutes }).nullable().default(null),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
  effectiveFrom: z.iso.datetime({ offset: true }),
  source: z.string().min(1).max(500),
  asOf: z.iso.date(),
  confirmed: z.boolean().default(false),
  prices: z.array(price).min(1).max(50),
});

/** Parsed {@link priceListQuery}. */
export type PriceListQuery = z.output<typeof priceListQuery>;
/** Parsed {@link addPricesInput}. */
export type AddPricesInput = z.output<typeof addPricesInput>;
