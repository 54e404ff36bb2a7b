import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { parseAmount, picoUsd, type PicoUsd } from '../../platform/money/index.js';
import { METERS, TOKEN_METERS, type Extra, type Meter, type TokenCounts } from './meter.js';
import type { PriceQuote } from './price-book.js';
import { chargeUsage, priceUsage } from './price-usage.js';

const NOTHING: TokenCounts = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 };
const quoteOf = (amounts: Partial<Record<Meter, PicoUsd>>): PriceQuote => ({
  currency: 'USD',
  ids: Object.fromEntries(Object.keys(amounts).map((meter) => [meter, `pv_${meter}`])),
  amounts,
  confirmed: true,
});
const counts = fc.record(
  Object.fromEntries(TOKEN_METERS.map((meter) => [meter, fc.nat({ max: 100_000_000 })])) as unknown as Record<
    keyof TokenCounts,
    fc.Arbitrary<number>
  >,
);
const fullQuote = fc
  .array(fc.bigInt(0n, 10n ** 9n), { minLength: METERS.length, maxLength: METERS.length })
  .map((amounts) => quoteOf(Object.fromEntries(METERS.map((meter, index) => [meter, picoUsd(amounts[index] ?? 0n)]))));

describe('priceUsage', () => {
  it('multiplies each kind by its own price, exactly', () => {
    const quote = quoteOf({ input: parseAmount('0.00000015'), output: parseAmount('0.0000006') });
    expect(priceUsage({ ...NOTHING, input: 1_000_000, output: 3 }, [], quote)).toBe(parseAmount('0.1500018'));
  });

  it('prices extras beside tokens', () => {
    const quote = quoteOf({ webSearch: parseAmount('0.01') });
    expect(priceUsage(NOTHING, [{ meter: 'webSearch', quantity: 3 }], quote)).toBe(parseAmount('0.03'));
  });

  it('refuses a kind that was used and has no price', () => {
    expect(() => priceUsage({ ...NOTHING, output: 1 }, [], quoteOf({ input: picoUsd(1n) }))).toThrow(
      expect.objectContaining({ code: 'price_unknown' }),
    );
  });

  it('takes zero for a price and absent for none', () => {
    expect(priceUsage({ ...NOTHING, input: 5 }, [], quoteOf({ input: picoUsd(0n) }))).toBe(0n);
    expect(priceUsage(NOTHING, [], quoteOf({ input: picoUsd(7n) }))).toBe(0n);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the count %p: it is never a refund', (input) => {
    expect(() => priceUsage({ ...NOTHING, input }, [], quoteOf({ input: picoUsd(1n) }))).toThrow(RangeError);
  });

  it('two usages priced together cost what they cost apart', () => {
    fc.assert(
      fc.property(counts, counts, fullQuote, (a, b, quote) => {
        const both = Object.fromEntries(TOKEN_METERS.map((meter) => [meter, a[meter] + b[meter]])) as TokenCounts;
        expect(priceUsage(both, [], quote)).toBe(priceUsage(a, [], quote) + priceUsage(b, [], quote));
      }),
    );
  });
});

describe('chargeUsage', () => {
  const quote = quoteOf({ input: picoUsd(2n), output: picoUsd(10n), webSearch: picoUsd(1_000n) });

  it('charges a meter without a price at the dearest token price and names it', () => {
    const extras: Extra[] = [{ meter: 'toolCall', quantity: 2 }];
    expect(chargeUsage({ ...NOTHING, input: 1, reasoning: 3 }, extras, quote)).toEqual({
      amount: 2n + 30n + 20n,
      assumed: ['reasoning', 'toolCall'],
      priceIds: { input: 'pv_input', reasoning: 'pv_output', toolCall: 'pv_output' },
    });
  });

  it('recomputing a stored usage with its stored price ids gives the stored charge', () => {
    fc.assert(
      fc.property(counts, fullQuote, fc.subarray([...METERS], { minLength: 1 }), (usage, full, kept) => {
        const partial = quoteOf(Object.fromEntries(kept.map((meter) => [meter, full.amounts[meter]])));
        const charge = chargeUsage(usage, [], partial);
        const again = TOKEN_METERS.reduce((total, meter) => {
          const id = charge.priceIds[meter];
          const source = METERS.find((one) => partial.ids[one] === id);
          return usage[meter] === 0 || source === undefined
            ? total
            : total + BigInt(usage[meter]) * (partial.amounts[source] ?? 0n);
        }, 0n);
        expect(again).toBe(charge.amount);
      }),
    );
  });
});
