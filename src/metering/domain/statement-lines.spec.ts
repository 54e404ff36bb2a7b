import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { picoUsd } from '../../platform/money/index.js';
import { correctionsOf, monthBounds, type StatementSum } from './statement-lines.js';

const amount = fc.bigInt({ min: -1_000_000n, max: 1_000_000n });
const sums = fc.array(
  fc
    .record({
      key: fc.integer({ min: 0, max: 5 }),
      requests: amount,
      tokens: amount,
      cost: amount,
      unconfirmed: amount,
    })
    .map(({ key, requests, tokens, cost, unconfirmed }): StatementSum => ({
      teamId: key % 2 === 0 ? null : 't',
      investigationId: null,
      provider: 'p',
      model: `m${String(key)}`,
      requests,
      tokens,
      cost: picoUsd(cost),
      unconfirmed: picoUsd(unconfirmed),
    })),
);
const total = (list: readonly StatementSum[]): bigint => list.reduce((all, { cost }) => all + cost, 0n);

describe('correctionsOf', () => {
  it('what was stated and its corrections sum to what is known, whatever was stated before', () => {
    fc.assert(
      fc.property(sums, sums, (stated, known) => {
        const corrections = correctionsOf('2026-10', stated, known);
        expect(total(stated) + total(corrections)).toBe(total(known));
        expect(correctionsOf('2026-10', [...stated, ...corrections], known)).toEqual([]);
      }),
    );
  });
});

describe('monthBounds', () => {
  it('meet', () => {
    expect(monthBounds('2026-12').toMs).toBe(monthBounds('2027-01').fromMs);
  });
});
