import { AppError } from '../../platform/errors/index.js';
import { picoUsd, type PicoUsd } from '../../platform/money/index.js';
import { TOKEN_METERS, type Extra, type Meter, type TokenCounts } from './meter.js';
import type { PriceQuote } from './price-book.js';

interface Quantity {
  readonly meter: Meter;
  readonly quantity: bigint;
}

/** What a settlement charges, and which meters had no price of their own. */
export interface Charge {
  readonly amount: PicoUsd;
  /** Meters charged at the dearest token price of the model because nobody set theirs. Empty in the normal case. */
  readonly assumed: readonly Meter[];
  /** The price version behind each meter that was used; enough to compute `amount` again. */
  readonly priceIds: Readonly<Partial<Record<Meter, string>>>;
}

function quantitiesOf(usage: TokenCounts, extras: readonly Extra[]): readonly Quantity[] {
  const found: Quantity[] = [];
  for (const meter of TOKEN_METERS) if (usage[meter] !== 0) found.push({ meter, quantity: count(usage[meter]) });
  for (const { meter, quantity } of extras) if (quantity !== 0) found.push({ meter, quantity: count(quantity) });
  return found;
}

/** A negative count would be a refund nobody granted, a fraction no count at all: both are defects of an adapter. */
function count(quantity: number): bigint {
  if (!Number.isSafeInteger(quantity) || quantity < 0) throw new RangeError('A quantity is a whole number ≥ 0');
  return BigInt(quantity);
}

/** Cost of one response: Σ quantity × price of one. Exact: nothing is rounded or divided, and two usages priced together
 *  cost what they cost apart. The caller picks the quote in force.
 *  @throws AppError `price_unknown` — something was used that has no price; RangeError — a count is negative or fractional */
export function priceUsage(usage: TokenCounts, extras: readonly Extra[], quote: PriceQuote): PicoUsd {
  let total = 0n;
  for (const { meter, quantity } of quantitiesOf(usage, extras)) total += quantity * priceOf(quote, meter);
  return picoUsd(total);
}

/** Like {@link priceUsage} for a call that already happened: a meter without a price is charged at the dearest token price
 *  of the quote and named in `assumed`, so that a settlement never fails for lack of a price and never charges 0.
 *  @throws RangeError — a count is negative or fractional */
export function chargeUsage(usage: TokenCounts, extras: readonly Extra[], quote: PriceQuote): Charge {
  const dearest = dearestMeter(quote);
  const assumed: Meter[] = [];
  const priceIds: Partial<Record<Meter, string>> = {};
  let total = 0n;
  for (const { meter, quantity } of quantitiesOf(usage, extras)) {
    const priced = quote.amounts[meter] === undefined ? dearest : meter;
    if (priced !== meter && !assumed.includes(meter)) assumed.push(meter);
    total += quantity * priceOf(quote, priced);
    const id = quote.ids[priced];
    if (id !== undefined) priceIds[meter] = id;
  }
  return { amount: picoUsd(total), assumed, priceIds };
}

/** The dearest meter counted in tokens; of a quote without any, the dearest there is. */
function dearestMeter(quote: PriceQuote): Meter {
  const meters = Object.keys(quote.amounts) as Meter[];
  const tokens = meters.filter(
    (meter) => (TOKEN_METERS as readonly Meter[]).includes(meter) || meter === 'cacheWrite1h',
  );
  let dearest: Meter | undefined;
  for (const meter of tokens.length > 0 ? tokens : meters) {
    if (dearest === undefined || (quote.amounts[meter] ?? 0n) > (quote.amounts[dearest] ?? 0n)) dearest = meter;
  }
  if (dearest === undefined) throw new Error('A quote has at least one price');
  return dearest;
}

function priceOf(quote: PriceQuote, meter: Meter): PicoUsd {
  const amount = quote.amounts[meter];
  if (amount === undefined) {
    throw new AppError(
      'price_unknown',
      `No price is set for the meter ${meter} of this model. An operator can add one with POST /api/prices.`,
    );
  }
  return amount;
}
