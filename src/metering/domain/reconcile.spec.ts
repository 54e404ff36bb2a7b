import { describe, expect, it } from '@jest/globals';

import { parseAmount, picoUsd } from '../../platform/money/index.js';
import { reconcile, type OurCell, type TheirCell } from './reconcile.js';

const ZERO = picoUsd(0n);
const ours = (amount: string, more: Partial<OurCell> = {}): OurCell => ({
  day: '2026-11-01',
  credential: null,
  model: 'm',
  meter: 'input',
  amount: parseAmount(amount),
  quantity: 10n,
  unconfirmed: ZERO,
  counted: ZERO,
  assumed: ZERO,
  ...more,
});
const theirs = (amount: string, more: Partial<TheirCell> = {}): TheirCell => ({
  day: '2026-11-01',
  credential: null,
  model: 'm',
  meter: 'input',
  amount: parseAmount(amount),
  quantity: '10',
  ...more,
});

describe('reconcile', () => {
  it.each([
    ['5', '5', 'MATCHED'],
    ['5', '5.01', 'WITHIN'],
    ['500', '504.9', 'WITHIN'],
    ['500', '495.1', 'WITHIN'],
    ['500', '505.2', 'OVER'],
    ['5', '5.06', 'OVER'],
    ['5', '4.9', 'UNDER'],
  ])('ours %s against theirs %s is %s', (mine, yours, verdict) => {
    expect(reconcile([ours(mine)], [theirs(yours)])).toMatchObject([{ verdict }]);
  });

  it('names what only one side has', () => {
    const cells = reconcile([ours('1', { model: 'a' })], [theirs('2', { model: 'b' })]);
    expect(cells.map(({ model, verdict }) => [model, verdict])).toEqual([
      ['a', 'ONLY_OURS'],
      ['b', 'ONLY_THEIRS'],
    ]);
  });

  it('adds up meters where the invoice does not part them, and credentials where it names none', () => {
    const mine = [ours('1', { credential: 'k1' }), ours('2', { meter: 'output', credential: 'k2' })];
    expect(reconcile(mine, [theirs('3', { meter: null, quantity: null })])).toMatchObject([
      { verdict: 'MATCHED', meter: null, credential: null, ours: parseAmount('3'), ourQuantity: 20n },
    ]);
  });

  it('keeps credentials apart when the invoice does', () => {
    const mine = [ours('1', { credential: 'k1' }), ours('2', { credential: 'k2' })];
    const yours = [theirs('1', { credential: 'k1' }), theirs('2', { credential: 'k2' })];
    expect(reconcile(mine, yours).map(({ verdict }) => verdict)).toEqual(['MATCHED', 'MATCHED']);
  });

  it('adds lines of one cell', () => {
    expect(reconcile([ours('3')], [theirs('1', { quantity: '4.5' }), theirs('2', { quantity: '5.5' })])).toMatchObject([
      { verdict: 'MATCHED', theirQuantity: '10.000000' },
    ]);
  });
});
