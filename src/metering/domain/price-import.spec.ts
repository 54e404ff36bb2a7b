import { describe, expect, it } from '@jest/globals';

import { fromPerMillion } from './list-price.js';
import { toStoredPrice } from './price-draft.js';
import { diffPrices, findRepeated, withContainedKinds, type ListedPrice } from './price-import.js';

const NOW = Date.UTC(2026, 10, 1);

const price = (perMillion: string, over: Partial<ListedPrice> = {}): ListedPrice => ({
  vendor: 'acme',
  model: 'm',
  meter: 'output',
  currency: 'USD',
  amount: fromPerMillion(perMillion),
  effectiveFromMs: null,
  source: 'list of November',
  asOf: '2026-11-01',
  confirmed: false,
  ...over,
});
const stored = (...list: readonly ListedPrice[]) =>
  list.map((one) => toStoredPrice({ ...one, effectiveFromMs: one.effectiveFromMs ?? 0 }, null));

describe('diffPrices', () => {
  it('compares each price with the one of the same selection in force at its start', () => {
    const known = stored(
      price('4'),
      price('5', { effectiveFromMs: NOW + 10 }),
      price('9', { tier: 'flex', effectiveToMs: NOW }),
    );
    const verdicts = diffPrices(
      [
        price('4'),
        price('3'),
        price('4.5'),
        price('4.5', { effectiveFromMs: NOW + 10 }),
        price('9', { tier: 'flex' }),
        price('4', { contextFrom: 200_000 }),
      ],
      known,
      NOW,
    );
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['SAME', 'CHEAPER', 'DEARER', 'CHEAPER', 'NEW', 'NEW']);
  });
});

describe('withContainedKinds', () => {
  it('prices what is not priced apart like the kind that contains it, and says so', () => {
    const list = withContainedKinds([price('4'), price('1', { meter: 'input' })], [], NOW);
    expect(list.map(({ meter, amount }) => [meter, amount])).toEqual([
      ['output', 4_000_000n],
      ['input', 1_000_000n],
      ['reasoning', 4_000_000n],
      ['cachedInput', 1_000_000n],
      ['cacheWrite', 1_000_000n],
    ]);
    expect(list[2]?.source).toBe('list of November; not priced apart, as output');
  });

  it('leaves alone what the list or the prices in force price apart', () => {
    const known = stored(price('1', { meter: 'input' }), price('0.1', { meter: 'cachedInput' }));
    const list = withContainedKinds(
      [price('2', { meter: 'input' }), price('2.5', { meter: 'cacheWrite' })],
      known,
      NOW,
    );
    expect(list).toHaveLength(2);
  });
});

describe('findRepeated', () => {
  it('finds one selection and start named twice', () => {
    expect(findRepeated([price('4'), price('4', { meter: 'input' })])).toBeUndefined();
    expect(findRepeated([price('4'), price('5')])?.amount).toBe(5_000_000n);
  });
});
