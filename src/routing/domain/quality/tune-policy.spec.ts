import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { MOST_MOVED, blendedQuality, rankByQuality, type QualityOption } from './choose-by-quality.js';
import { EMPTY_CELL, estimateCell, withEvaluation } from './quality-cell.js';
import { tunePolicy, type JudgedRow } from './tune-policy.js';

const cell = (mean: number, n = 200): ReturnType<typeof estimateCell> =>
  estimateCell(withEvaluation(EMPTY_CELL, mean, n));
const BASELINE: QualityOption = { cell: cell(0.9), head: undefined, cost: 1 };
const TARGET = { rule: 'target', lambda: 0.2, headShare: 1 } as const;

describe('rankByQuality', () => {
  it('takes the cheapest that meets the floor when nothing was tuned', () => {
    const options = [
      BASELINE,
      { cell: cell(0.92), head: undefined, cost: 0.4 },
      { cell: cell(0.5), head: undefined, cost: 0.1 },
    ];
    expect(rankByQuality(options, 0, { target: 0.95, minQuality: 0, rule: { rule: 'floor' } })).toEqual([1, 0]);
  });

  it('falls to the baseline when nothing is known about the others', () => {
    const options = [BASELINE, { cell: undefined, head: undefined, cost: 0.01 }];
    for (const rule of [TARGET, { rule: 'floor' } as const]) {
      expect(rankByQuality(options, 0, { target: 0.9, minQuality: 0, rule })).toEqual([0]);
    }
  });

  it('lets no prompt carry a model past the guard', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (head, lambda) => {
          const options = [BASELINE, { cell: cell(0.6), head, cost: 0 }];
          const rule = { rule: 'target', lambda, headShare: 1 } as const;
          expect(rankByQuality(options, 0, { target: 0.95, minQuality: 0, rule })).toEqual([0]);
        },
      ),
    );
  });

  it('never gets cheaper when the floor rises', () => {
    const option = fc.record({
      mean: fc.double({ min: 0.3, max: 1, noNaN: true }),
      cost: fc.double({ min: 0, max: 2, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(option, { minLength: 1, maxLength: 6 }), (others) => {
        const options = [BASELINE, ...others.map(({ mean, cost }) => ({ cell: cell(mean), head: undefined, cost }))];
        const costs = [0.9, 0.95, 0.98, 1].map((target) => {
          const [first = 0] = rankByQuality(options, 0, { target, minQuality: 0, rule: { rule: 'floor' } });
          return options[first]?.cost ?? 0;
        });
        expect([...costs].sort((a, b) => a - b)).toEqual(costs);
      }),
    );
  });

  it('asks for the floor as soon as a lower bound is named', () => {
    const options = [BASELINE, { cell: cell(0.86), head: 1, cost: 0.1 }];
    expect(rankByQuality(options, 0, { target: 0.95, minQuality: 0, rule: TARGET })).toEqual([1, 0]);
    expect(rankByQuality(options, 0, { target: 0.95, minQuality: 0.88, rule: TARGET })).toEqual([0]);
  });
});

describe('blendedQuality', () => {
  it('is moved by a head, but not far', () => {
    const { mean } = cell(0.5);
    expect(blendedQuality({ cell: cell(0.5), head: 0.6, cost: 0 }, 0.5)).toBeCloseTo(mean + 0.05, 9);
    expect(blendedQuality({ cell: cell(0.5), head: 1, cost: 0 }, 1)).toBeCloseTo(mean + MOST_MOVED, 9);
  });
});

/** Two models; the cheap one is right at easy prompts only, and its head knows which those are. */
function judgedRows(n: number, headKnows: boolean): readonly JudgedRow[] {
  return Array.from({ length: n }, (_, index) => {
    const isEasy = (index * 7) % 10 < 6;
    const isWrong = (index * 13) % 20 === 0;
    return {
      task: index % 2 === 0 ? 'extraction' : 'reasoning',
      scores: [isWrong ? 0 : 1, isEasy && !isWrong ? 1 : isEasy ? 0 : 0.9],
      costs: [10, 1],
      heads: [0.95, headKnows ? (isEasy ? 1 : 0.5) : 0.85],
    };
  });
}

describe('tunePolicy', () => {
  it('saves by the prompt where heads know more than the table', () => {
    const tuned = tunePolicy(judgedRows(800, true), { baseline: 0, target: 0.98 });
    expect(tuned.rule).toMatchObject({ rule: 'target' });
    expect(tuned.rule.rule === 'target' ? tuned.rule.headShare : 0).toBeGreaterThan(0);
    expect(tuned.quality).toBeGreaterThanOrEqual(0.98);
    expect(tuned.cost).toBeLessThan(0.6);
  });

  it('leaves heads off where they say nothing', () => {
    const { rule } = tunePolicy(judgedRows(800, false), { baseline: 0, target: 0.9 });
    expect(rule).toMatchObject({ rule: 'target', headShare: 0 });
  });

  it('keeps the floor when no rule holds the target or the rows are few', () => {
    const hopeless = judgedRows(800, false).map((row) => ({ ...row, scores: [1, 0.2] }));
    expect(tunePolicy(hopeless, { baseline: 0, target: 0.98 }).cost).toBeGreaterThan(0.99);
    expect(tunePolicy(judgedRows(199, true), { baseline: 0, target: 0.9 }).rule).toEqual({ rule: 'floor' });
  });
});
