import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { picoUsd } from '../../platform/money/index.js';
import type { PriceQuote } from './price-book.js';
import { priceUsage } from './price-usage.js';
import { expectedCost, worstCase } from './worst-case.js';

const quote = (amounts: Record<string, bigint>): PriceQuote => ({
  currency: 'USD',
  ids: {},
  amounts: Object.fromEntries(Object.entries(amounts).map(([meter, amount]) => [meter, picoUsd(amount)])),
  confirmed: true,
});

describe('worstCase', () => {
  it('takes the dearest kind of input and of output, for every answer asked for', () => {
    const prices = quote({ input: 4n, cachedInput: 1n, cacheWrite: 5n, output: 10n, reasoning: 12n });
    expect(worstCase(prices, { inputBound: 100, outputBound: 50, n: 2 })).toBe(100n * 5n + 50n * 2n * 12n);
  });

  it('counts hour-long cache entries only when they are asked for', () => {
    const prices = quote({ input: 4n, cacheWrite: 5n, cacheWrite1h: 8n, output: 10n });
    expect(worstCase(prices, { inputBound: 10, outputBound: 0, n: 1 })).toBe(50n);
    expect(worstCase(prices, { inputBound: 10, outputBound: 0, n: 1, longCacheWrites: true })).toBe(80n);
  });

  it('is that of the dearest quote the call can end up with', () => {
    const bounds = { inputBound: 10, outputBound: 1, n: 1 };
    expect(worstCase([quote({ input: 4n, output: 1n }), quote({ input: 1n, output: 99n })], bounds)).toBe(109n);
  });

  it.each([
    [[], { inputBound: 1, outputBound: 1, n: 1 }],
    [[quote({ input: 1n })], { inputBound: 1, outputBound: 1, n: 1 }],
    [[quote({ output: 1n })], { inputBound: 1, outputBound: 1, n: 1 }],
    [
      [quote({ input: 1n, output: 1n })],
      { inputBound: 1, outputBound: 1, n: 1, extras: [{ meter: 'webSearch', quantity: 1 }] },
    ],
  ] as const)('refuses what has no price (%#)', (quotes, bounds) => {
    expect(() => worstCase(quotes, bounds)).toThrow(expect.objectContaining({ code: 'price_unknown' }));
  });

  it('is never below what a call within its bounds is charged', () => {
    const amount = fc.bigInt(0n, 10n ** 8n);
    const kinds = fc.record({
      input: amount,
      cachedInput: amount,
      cacheWrite: amount,
      output: amount,
      reasoning: amount,
    });
    fc.assert(
      fc.property(kinds, fc.array(fc.nat({ max: 10_000 }), { minLength: 5, maxLength: 5 }), (amounts, used) => {
        const [input = 0, cachedInput = 0, cacheWrite = 0, output = 0, reasoning = 0] = used;
        // A cached token never costs more than a plain one.
        const prices = quote({
          ...amounts,
          cachedInput: amounts.cachedInput < amounts.input ? amounts.cachedInput : 0n,
        });
        const bound = { inputBound: input + cachedInput + cacheWrite, outputBound: output + reasoning, n: 1 };
        const usage = { input, cachedInput, cacheWrite, output, reasoning };
        expect(worstCase(prices, bound)).toBeGreaterThanOrEqual(priceUsage(usage, [], prices));
      }),
    );
  });
});

describe('expectedCost', () => {
  it('prices input and output without hopes of a cache', () => {
    const prices = quote({ input: 4n, cachedInput: 1n, output: 10n });
    expect(expectedCost(prices, { inputTokens: 3, outputTokens: 2.5 })).toBe(12n + 30n);
  });
});
