import { describe, expect, it } from '@jest/globals';

import { picoUsd } from '../../platform/money/index.js';
import { PriceBook, type PriceVersion, type QuoteWish } from './price-book.js';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22, 15);

function aPrice(fields: Partial<PriceVersion> & { readonly id: string }): PriceVersion {
  return {
    vendor: 'openai',
    model: 'm',
    region: null,
    tier: 'standard',
    contextFrom: 0,
    daily: null,
    meter: 'input',
    currency: 'USD',
    amount: picoUsd(1n),
    effectiveFromMs: NOW - DAY,
    effectiveToMs: null,
    confirmed: true,
    ...fields,
  };
}
const wish: QuoteWish = { vendor: 'openai', model: 'm', region: null, atMs: NOW, inputTokens: 10 };
const idFor = (versions: readonly PriceVersion[], more: Partial<QuoteWish> = {}): string | undefined =>
  new PriceBook(versions).quote({ ...wish, ...more })?.ids.input;

describe('PriceBook', () => {
  it('picks the newest version that is in force at the start of the attempt', () => {
    const versions = [
      aPrice({ id: 'old', effectiveFromMs: NOW - 9 * DAY }),
      aPrice({ id: 'now', effectiveFromMs: NOW }),
      aPrice({ id: 'later', effectiveFromMs: NOW + 1 }),
    ];
    expect(idFor(versions)).toBe('now');
    expect(idFor(versions, { atMs: NOW - 1 })).toBe('old');
    expect(idFor(versions, { atMs: NOW + 1 })).toBe('later');
  });

  it('ends a price at its announced end, exclusive', () => {
    const versions = [aPrice({ id: 'a', effectiveToMs: NOW })];
    expect(idFor(versions, { atMs: NOW - 1 })).toBe('a');
    expect(idFor(versions)).toBeUndefined();
  });

  it('prices the whole call in the band that its total input reaches', () => {
    const versions = [aPrice({ id: 'small' }), aPrice({ id: 'large', contextFrom: 272_001 })];
    expect(idFor(versions, { inputTokens: 272_000 })).toBe('small');
    expect(idFor(versions, { inputTokens: 272_001 })).toBe('large');
  });

  it('prefers the region and falls back to prices for any region', () => {
    const versions = [aPrice({ id: 'any' }), aPrice({ id: 'eu', region: 'eu' })];
    expect(idFor(versions, { region: 'eu' })).toBe('eu');
    expect(idFor(versions, { region: 'us' })).toBe('any');
  });

  it('falls back to the standard tier and then is not confirmed', () => {
    const book = new PriceBook([aPrice({ id: 'std' }), aPrice({ id: 'flex', tier: 'flex' })]);
    expect(book.quote({ ...wish, tier: 'flex' })).toMatchObject({ ids: { input: 'flex' }, confirmed: true });
    expect(book.quote({ ...wish, tier: 'priority' })).toMatchObject({ ids: { input: 'std' }, confirmed: false });
    expect(book.quote({ ...wish, tier: 'default' })).toMatchObject({ ids: { input: 'std' }, confirmed: true });
  });

  it('knows off-peak windows in UTC, also over midnight', () => {
    const night = aPrice({ id: 'night', daily: { fromMinute: 16 * 60 + 30, toMinute: 30 } });
    const versions = [aPrice({ id: 'day' }), night];
    expect(idFor(versions, { atMs: Date.UTC(2026, 10, 22, 16, 30) })).toBe('night');
    expect(idFor(versions, { atMs: Date.UTC(2026, 10, 22, 0, 29) })).toBe('night');
    expect(idFor(versions, { atMs: Date.UTC(2026, 10, 22, 0, 30) })).toBe('day');
  });

  it('has no quote for a model without a price', () => {
    expect(new PriceBook([aPrice({ id: 'a' })]).quote({ ...wish, model: 'other' })).toBeUndefined();
  });

  it('currencies never meet inside a quote', () => {
    const book = new PriceBook([aPrice({ id: 'usd' }), aPrice({ id: 'xts', meter: 'output', currency: 'XTS' })]);
    expect(book.quote(wish)).toMatchObject({ currency: 'USD', ids: { input: 'usd' } });
    expect(book.quote(wish)?.amounts.output).toBeUndefined();
  });

  it('lists every band and tier a call can end up in', () => {
    const book = new PriceBook([
      aPrice({ id: 'a', amount: picoUsd(5n) }),
      aPrice({ id: 'b', contextFrom: 100, amount: picoUsd(3n) }),
      aPrice({ id: 'c', contextFrom: 1_000 }),
      aPrice({ id: 'p', tier: 'priority', amount: picoUsd(9n) }),
    ]);
    const ids = book.quotesUpTo({ ...wish, tier: 'priority', inputTokens: 500 }).map(({ ids: { input } }) => input);
    expect(new Set(ids)).toEqual(new Set(['a', 'b', 'p']));
  });
});
