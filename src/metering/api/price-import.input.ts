import { z } from 'zod';

import { AppError } from '../../platform/errors/index.js';
import { pageQuery, parseInput } from '../../platform/http/index.js';
import { readCsv } from '../domain/csv.js';
import { fromPerMillion, readPrice } from '../domain/list-price.js';
import { METERS } from '../domain/meter.js';
import type { ListedPrice } from '../domain/price-import.js';

const MAX_PRICES = 10_000;
const MAX_TEXT = 8 * 1024 * 1024;
const MINUTES = /^([01]\d|2[0-3]):[0-5]\d$/;
const name = z.string().min(1).max(200);
const amount = z.string().regex(/^\d{1,16}(\.\d{1,12})?$/, 'must be a decimal string ≥ 0, at most 12 decimals');
const minute = z.string().regex(MINUTES, 'must be a time of day, UTC, as HH:MM');
const instant = z.iso.datetime({ offset: true });

const listedPrice = z
  .strictObject({
    vendor: z.string().min(1).max(100),
    model: name,
    region: z.string().min(1).max(100).nullish(),
    tier: z.string().min(1).max(100).optional(),
    contextFrom: z.int().min(0).max(100_000_000).optional(),
    dailyFrom: minute.optional(),
    dailyTo: minute.optional(),
    meter: z.enum(METERS),
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
    perUnit: amount.optional(),
    perMillion: amount.optional(),
    effectiveFrom: instant.optional(),
    effectiveTo: instant.optional(),
    source: z.string().min(1).max(500),
    asOf: z.iso.date(),
    confirmed: z.boolean().default(false),
  })
  .refine(({ perUnit, perMillion }) => (perUnit === undefined) !== (perMillion === undefined), {
    message: 'needs either perUnit or perMillion',
    path: ['perMillion'],
  })
  .refine(({ dailyFrom, dailyTo }) => (dailyFrom === undefined) === (dailyTo === undefined), {
    message: 'needs dailyFrom and dailyTo, or neither',
    path: ['dailyTo'],
  })
  .refine(({ dailyFrom, dailyTo }) => dailyFrom === undefined || dailyFrom !== dailyTo, {
    message: 'must not be dailyFrom: leave both out for the whole day',
    path: ['dailyTo'],
  });
const list = z.array(listedPrice).min(1).max(MAX_PRICES);

/** Body of `POST /api/prices/imports`: prices as objects, or as CSV with a header of the same names. */
export const newPriceImportInput = z
  .strictObject({
    note: z.string().max(200).default(''),
    dryRun: z.boolean().default(false),
    prices: list.optional(),
    csv: z.string().min(1).max(MAX_TEXT).optional(),
  })
  .refine(({ prices, csv }) => (prices === undefined) !== (csv === undefined), {
    message: 'needs either prices or csv',
    path: ['prices'],
  });

/** `?limit&cursor` */
export const priceImportQuery = pageQuery;
/** `/{id}` */
export const priceImportPath = z.strictObject({ id: z.uuid() });

const COLUMNS = [
  ...['vendor', 'model', 'region', 'tier', 'contextFrom', 'dailyFrom', 'dailyTo', 'meter', 'currency'],
  ...['perUnit', 'perMillion', 'effectiveFrom', 'effectiveTo', 'source', 'asOf', 'confirmed'],
];

/** The prices of an input. @throws AppError invalid_value — names the line or member; price_not_exact — the price of one would
 *  need a 13th decimal */
export function toListedPrices({ prices, csv }: z.output<typeof newPriceImportInput>): readonly ListedPrice[] {
  const rows = prices ?? parseInput(z.strictObject({ csv: list }), { csv: rowsOfCsv(csv ?? '') }).csv;
  return rows.map(({ perUnit, perMillion, dailyFrom, dailyTo, effectiveFrom, effectiveTo, ...rest }, index) => ({
    vendor: rest.vendor,
    model: rest.model,
    region: rest.region ?? null,
    tier: rest.tier ?? 'standard',
    contextFrom: rest.contextFrom ?? 0,
    daily:
      dailyFrom === undefined || dailyTo === undefined
        ? null
        : { fromMinute: minuteOf(dailyFrom), toMinute: minuteOf(dailyTo) },
    meter: rest.meter,
    currency: rest.currency,
    amount:
      perMillion === undefined
        ? readPrice(perUnit ?? '', `prices[${String(index)}].perUnit`)
        : fromPerMillion(perMillion, `prices[${String(index)}].perMillion`),
    effectiveFromMs: effectiveFrom === undefined ? null : Date.parse(effectiveFrom),
    effectiveToMs: effectiveTo === undefined ? null : Date.parse(effectiveTo),
    source: rest.source,
    asOf: rest.asOf,
    confirmed: rest.confirmed,
  }));
}

const wrong = (line: number, why: string): AppError =>
  new AppError('invalid_value', `Line ${String(line)} of the price list cannot be read: ${why}.`, { param: 'csv' });

/** Empty cells are absent; what must be a number or a yes is read as one, so that the same rules hold as for objects. */
function rowsOfCsv(text: string): readonly object[] {
  return readCsv(text, { columns: COLUMNS, required: 'meter', maxRecords: MAX_PRICES, wrong }).map(
    ({ cells, line }) => {
      const { contextFrom, confirmed, ...rest } = Object.fromEntries(
        Object.entries(cells).filter(([, value]) => value !== ''),
      );
      if (contextFrom !== undefined && !/^\d{1,9}$/.test(contextFrom))
        throw wrong(line, 'contextFrom is a whole number');
      if (confirmed !== undefined && !/^(true|false)$/.test(confirmed)) throw wrong(line, 'confirmed is true or false');
      return {
        ...rest,
        ...(contextFrom === undefined ? {} : { contextFrom: Number(contextFrom) }),
        ...(confirmed === undefined ? {} : { confirmed: confirmed === 'true' }),
      };
    },
  );
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}
