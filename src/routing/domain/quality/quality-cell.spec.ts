import { describe, expect, it } from '@jest/globals';

import { betaCdf, betaQuantile } from './beta-quantile.js';
import {
  EMPTY_CELL,
  estimateCell,
  HALF_LIFE,
  ofNewVersion,
  withEvaluation,
  withPrior,
  withVerdict,
} from './quality-cell.js';

describe('betaQuantile', () => {
  it.each([
    // Closed forms: Beta(1, b) and Beta(a, 1).
    [0.1, 1, 5, 1 - 0.9 ** (1 / 5)],
    [0.1, 7, 1, 0.1 ** (1 / 7)],
    // Beta(½, ½) is the arcsine law; a symmetric law has its median at ½.
    [0.25, 0.5, 0.5, Math.sin(Math.PI / 8) ** 2],
    [0.5, 212, 212, 0.5],
  ])('of %d for Beta(%d, %d) is %d', (p, a, b, x) => {
    expect(betaQuantile(p, a, b)).toBeCloseTo(x, 8);
  });

  it('inverts the distribution, also for large masses', () => {
    // Binomial: P(Beta(2, 3) ≤ ½) = P(Bin(4, ½) ≥ 2) = 11 / 16.
    expect(betaCdf(0.5, 2, 3)).toBeCloseTo(11 / 16, 12);
    for (const p of [0.001, 0.1, 0.9]) expect(betaCdf(betaQuantile(p, 5_000, 320), 5_000, 320)).toBeCloseTo(p, 6);
  });
});

describe('a quality cell', () => {
  it('is wide while nothing is known and narrows with verdicts', () => {
    const empty = estimateCell(EMPTY_CELL);
    expect([empty.mean, empty.mass]).toEqual([0.5, 0]);
    expect(empty.lower).toBeCloseTo(0.1, 8);
    let cell = EMPTY_CELL;
    for (let i = 0; i < 100; i += 1) cell = withVerdict(cell, i % 10 === 0 ? 0 : 1, 1);
    const known = estimateCell(cell);
    expect(known.lower).toBeGreaterThan(0.84);
    expect(known.lower).toBeLessThan(known.mean);
    expect(known.upper).toBeGreaterThan(known.mean);
  });

  it('forgets: its mass settles where decay and verdicts are even, and a changed model is found out', () => {
    let cell = EMPTY_CELL;
    for (let i = 0; i < 10_000; i += 1) cell = withVerdict(cell, 1, 1);
    expect(estimateCell(cell).mass).toBeCloseTo(1 / (1 - 2 ** (-1 / HALF_LIFE)), 0);
    for (let i = 0; i < 2 * HALF_LIFE; i += 1) cell = withVerdict(cell, 0, 1);
    expect(estimateCell(cell).mean).toBeCloseTo(0.25, 2);
  });

  it('keeps sources apart: a newer run of a pack replaces the older one only', () => {
    const once = withEvaluation(withPrior(withVerdict(EMPTY_CELL, 1, 1), 0.8, 5), 0.5, 40);
    const again = withEvaluation(once, 0.9, 1_000);
    expect(again.evaluated).toEqual({ successes: 180, failures: expect.closeTo(20, 9) });
    expect([again.live, again.prior]).toEqual([once.live, once.prior]);
  });

  it('trusts a new version of the model a fifth as much, public figures as before', () => {
    const old = withEvaluation(withPrior(EMPTY_CELL, 0.5, 4), 1, 100);
    const next = ofNewVersion(old);
    expect(next.prior).toEqual(old.prior);
    expect(next.evaluated.successes).toBeCloseTo(20, 9);
  });
});
