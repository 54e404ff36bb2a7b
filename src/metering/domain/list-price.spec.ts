import { describe, expect, it } from '@jest/globals';

import { fromPerMillion, readPrice } from './list-price.js';

describe('fromPerMillion', () => {
  it('divides a list price without a remainder', () => {
    expect(fromPerMillion('0.15')).toBe(150_000n);
    expect(fromPerMillion('0.000001')).toBe(1n);
    expect(fromPerMillion('0')).toBe(0n);
  });

  it('refuses a price whose single unit needs a 13th decimal', () => {
    expect(() => fromPerMillion('0.0000001')).toThrow(expect.objectContaining({ code: 'price_not_exact' }));
  });

  it.each(['-1', '1e-7', '', ' 1', '0.1234567890123', '.5'])('refuses %p', (text) => {
    expect(() => readPrice(text)).toThrow(expect.objectContaining({ code: 'invalid_value' }));
  });
});
