import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import { readCatalogue } from './catalogue.js';
import { fromPerMillion } from './list-price.js';
import { PriceBook } from './price-book.js';
import { toStoredPrice } from './price-draft.js';

const folder = new URL('../catalogue/', import.meta.url);
const prices = readdirSync(folder)
  .flatMap((name) => readCatalogue(readFileSync(new URL(name, folder), 'utf8')))
  .map((draft) => toStoredPrice(draft, null));
const book = new PriceBook(prices);

describe('the seed catalogue', () => {
  it('names source and day of every price and confirms none', () => {
    for (const price of prices) {
      expect(price.source).not.toBe('');
      expect(price.asOf).toMatch(/^2026-\d\d-\d\d$/);
      expect(price.confirmed).toBe(false);
    }
  });

  it('has each price once', () => {
    expect(new Set(prices.map(({ id }) => id)).size).toBe(prices.length);
  });

  it.each([
    ['openai', 'gpt-5.4-mini', '0.75', '0.075', '4.5'],
    ['openai', 'gpt-4.1', '2', '0.5', '8'],
    ['anthropic', 'claude-sonnet-5', '2', '0.2', '10'],
    ['anthropic', 'claude-haiku-4-5', '1', '0.1', '5'],
    ['google', 'gemini-2.5-flash', '0.3', '0.03', '2.5'],
  ])('agrees with the published list for %s %s', (vendor, model, input, cachedInput, output) => {
    const quote = book.quote({ vendor, model, region: null, atMs: Date.UTC(2026, 10, 1), inputTokens: 1 });
    expect(quote?.amounts.input).toBe(fromPerMillion(input));
    expect(quote?.amounts.cachedInput).toBe(fromPerMillion(cachedInput));
    expect(quote?.amounts.output).toBe(fromPerMillion(output));
    expect(quote?.amounts.reasoning).toBe(quote?.amounts.output);
  });

  it('takes the dearer price where lists differ, in long contexts too', () => {
    const quote = book.quote({
      vendor: 'openai',
      model: 'gpt-5.6',
      region: null,
      atMs: Date.UTC(2026, 10, 1),
      inputTokens: 300_000,
    });
    expect(quote?.amounts.input).toBe(10_000_000n);
    expect(quote?.amounts.output).toBe(45_000_000n);
    expect(quote?.amounts.output).toBe(45_000_000n);
  });
});
