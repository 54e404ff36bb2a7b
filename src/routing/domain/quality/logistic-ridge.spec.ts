import { describe, expect, it } from '@jest/globals';

import { fitLogisticRidge, logistic, type LogisticTask } from './logistic-ridge.js';

/** Rows with both columns on a grid; the target is the exact probability of the given weights. */
function exactTask([first, second, constant]: readonly [number, number, number], penalty: number): LogisticTask {
  const grid = [-2, -1, 0, 1, 2].flatMap((x) => [-2, -1, 0, 1, 2].map((y) => [x, y] as const));
  return {
    rows: {
      starts: Int32Array.from({ length: grid.length + 1 }, (_, row) => 2 * row),
      columns: Int32Array.from(grid.flatMap(() => [0, 1])),
      values: Float64Array.from(grid.flat()),
      width: 2,
    },
    targets: Float64Array.from(grid, ([x, y]) => logistic(first * x + second * y + constant)),
    weights: new Float64Array(grid.length).fill(1),
    penalty,
  };
}

describe('fitLogisticRidge', () => {
  it('finds the weights that made the targets', () => {
    const fitted = fitLogisticRidge(exactTask([0.8, -0.5, 0.3], 1e-6));
    for (const [column, weight] of [0.8, -0.5, 0.3].entries()) expect(fitted[column]).toBeCloseTo(weight, 3);
  });

  it('holds weights back by the penalty, never the constant', () => {
    const free = fitLogisticRidge(exactTask([0.8, -0.5, 0.3], 1e-6));
    const held = fitLogisticRidge(exactTask([0.8, -0.5, 0.3], 1e6));
    expect(Math.abs(held[0] ?? NaN)).toBeLessThan(1e-3);
    expect(Math.abs(held[2] ?? NaN)).toBeGreaterThan(0.2);
    expect(Math.abs(free[0] ?? NaN)).toBeGreaterThan(0.7);
  });

  it('counts a row of weight 2 as two rows', () => {
    const task = exactTask([0.8, -0.5, 0.3], 2);
    const twice = fitLogisticRidge({ ...task, weights: task.weights.map(() => 2), penalty: 4 });
    for (const [column, weight] of fitLogisticRidge(task).entries()) expect(twice[column]).toBeCloseTo(weight, 6);
  });

  it('stays finite when every target is the same', () => {
    const task = exactTask([0, 0, 0], 1);
    const fitted = fitLogisticRidge({ ...task, targets: task.targets.map(() => 1) });
    expect(fitted.every(Number.isFinite)).toBe(true);
  });
});
