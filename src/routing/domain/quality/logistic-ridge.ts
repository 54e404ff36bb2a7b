/** Rows of numbers that are mostly zero: row `i` has `values[k]` in column `columns[k]` for `starts[i] ≤ k < starts[i + 1]`. */
export interface SparseRows {
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;
  /** Columns that exist; one more, the last, is the constant. */
  readonly width: number;
}

/** What is to be learned. */
export interface LogisticTask {
  readonly rows: SparseRows;
  /** 0…1 per row. */
  readonly targets: Float64Array;
  /** > 0 per row. */
  readonly weights: Float64Array;
  /** Inverse variance that a weight is believed to have before any row is seen; the constant is not held back. */
  readonly penalty: number;
}

/** Newton steps, and conjugate-gradient steps in each; both end earlier where nothing is left to gain. */
const NEWTON_STEPS = 5;
const GRADIENT_STEPS = 14;
const ENOUGH = 1e-6;
/** Keeps certain rows from making the curvature vanish. */
const LEAST_CURVATURE = 1e-3;

/** Logistic function. */
export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function product({ starts, columns, values, width }: SparseRows, weights: Float64Array, out: Float64Array): void {
  const constant = weights[width] ?? 0;
  for (let row = 0; row < out.length; row += 1) {
    let sum = constant;
    for (let k = starts[row] ?? 0, end = starts[row + 1] ?? 0; k < end; k += 1) {
      sum += (values[k] ?? 0) * (weights[columns[k] ?? 0] ?? 0);
    }
    out[row] = sum;
  }
}

/** Adds each row times its factor to `out`. */
function addTransposed({ starts, columns, values, width }: SparseRows, factors: Float64Array, out: Float64Array): void {
  let all = 0;
  for (let row = 0; row < factors.length; row += 1) {
    const factor = factors[row] ?? 0;
    all += factor;
    for (let k = starts[row] ?? 0, end = starts[row + 1] ?? 0; k < end; k += 1) {
      const column = columns[k] ?? 0;
      out[column] = (out[column] ?? 0) + factor * (values[k] ?? 0);
    }
  }
  out[width] = (out[width] ?? 0) + all;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function addScaled(to: Float64Array, scale: number, of: Float64Array): void {
  for (let i = 0; i < to.length; i += 1) to[i] = (to[i] ?? 0) + scale * (of[i] ?? 0);
}

/** The step that ends at the minimum of the quadratic around the present weights, by conjugate gradients. */
function newtonStep(task: LogisticTask, curvature: Float64Array, gradient: Float64Array): Float64Array {
  const { rows, penalty } = task;
  const step = new Float64Array(gradient.length);
  const residual = gradient.slice();
  const direction = gradient.slice();
  const image = new Float64Array(curvature.length);
  let left = dot(residual, residual);
  const first = left;
  for (let i = 0; i < GRADIENT_STEPS && left > ENOUGH * first; i += 1) {
    product(rows, direction, image);
    for (let row = 0; row < image.length; row += 1) image[row] = (image[row] ?? 0) * (curvature[row] ?? 0);
    const bent = direction.slice();
    for (let j = 0; j < rows.width; j += 1) bent[j] = penalty * (bent[j] ?? 0);
    bent[rows.width] = 0;
    addTransposed(rows, image, bent);
    const length = left / dot(direction, bent);
    addScaled(step, length, direction);
    addScaled(residual, -length, bent);
    const now = dot(residual, residual);
    for (let j = 0; j < direction.length; j += 1)
      direction[j] = (residual[j] ?? 0) + (now / left) * (direction[j] ?? 0);
    left = now;
  }
  return step;
}

/** Fits `E[target | row] = logistic(weights · row + constant)` by penalised maximum likelihood: the posterior mode under a normal
 *  prior. Deterministic: no seed, the same rows give the same weights. Source: iteratively reweighted least squares, Hastie,
 *  Tibshirani and Friedman, The Elements of Statistical Learning, §4.4.1; inner solver: Hestenes and Stiefel 1952.
 *  @returns `width + 1` weights, the constant last */
export function fitLogisticRidge(task: LogisticTask): Float64Array {
  const { rows, targets, weights, penalty } = task;
  const fitted = new Float64Array(rows.width + 1);
  const mass = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = Math.min(0.99, Math.max(0.01, dot(targets, weights) / Math.max(mass, 1e-9)));
  fitted[rows.width] = Math.log(mean / (1 - mean));
  const scores = new Float64Array(targets.length);
  const curvature = new Float64Array(targets.length);
  for (let i = 0; i < NEWTON_STEPS; i += 1) {
    product(rows, fitted, scores);
    for (let row = 0; row < scores.length; row += 1) {
      const predicted = logistic(scores[row] ?? 0);
      const weight = weights[row] ?? 0;
      curvature[row] = weight * Math.max(LEAST_CURVATURE, predicted * (1 - predicted));
      scores[row] = weight * ((targets[row] ?? 0) - predicted);
    }
    const gradient = new Float64Array(fitted.length);
    for (let j = 0; j < rows.width; j += 1) gradient[j] = -penalty * (fitted[j] ?? 0);
    addTransposed(rows, scores, gradient);
    const step = newtonStep(task, curvature, gradient);
    addScaled(fitted, 1, step);
    if (dot(step, step) < ENOUGH * dot(fitted, fitted)) break;
  }
  return fitted;
}
