import { BUCKETS, DENSE, type PromptFeatures } from '../lexical/prompt-features.js';
import { fitLogisticRidge, logistic, type SparseRows } from './logistic-ridge.js';

/** A judged answer of one model. */
export interface JudgedPrompt {
  readonly features: PromptFeatures;
  /** Null: not told, or not to be used. */
  readonly task: string | null;
  /** 0…1. */
  readonly score: number;
  /** How much the verdict counts, > 0. */
  readonly weight: number;
}

/** Strength of the belief that words say nothing: a head of few verdicts stays near the mean. */
const PENALTY = 3;
/** A cue counts as much as a handful of words. */
const CUE_SCALE = 0.7;
/** Standard deviations beyond which a number says no more. */
const MOST_DEVIATIONS = 4;
/** Tasks a head tells apart. */
const MAX_TASKS = 128;

/** The numbers of a trained head. */
export interface HeadWeights {
  /** Per bucket, in units of `bucketScale`: −127…127. */
  readonly buckets: Int8Array;
  readonly bucketScale: number;
  /** Of each dense number: mean and 1 ÷ deviation in the training rows (0 where it never varied), and weight. */
  readonly means: Float32Array;
  readonly scales: Float32Array;
  readonly dense: Float32Array;
  readonly tasks: ReadonlyMap<string, number>;
  readonly constant: number;
}

const clamp = (x: number): number => Math.max(-MOST_DEVIATIONS, Math.min(MOST_DEVIATIONS, x));
const UNIT = CUE_SCALE / Math.sqrt(DENSE);

/** Expected score of one model's answer, from the words of the prompt and its task. Immutable. */
export class QualityHead {
  constructor(readonly weights: HeadWeights) {}

  /** E[score | prompt, task], 0…1. An unknown task counts as an average one. */
  predict({ dense, buckets, weights }: PromptFeatures, task: string | null): number {
    const head = this.weights;
    let words = 0;
    for (let k = 0; k < buckets.length; k += 1) words += (weights[k] ?? 0) * (head.buckets[buckets[k] ?? 0] ?? 0);
    let cues = 0;
    for (let j = 0; j < DENSE; j += 1) {
      cues += (head.dense[j] ?? 0) * clamp(((dense[j] ?? 0) - (head.means[j] ?? 0)) * (head.scales[j] ?? 0));
    }
    const known = task === null ? 0 : (head.tasks.get(task) ?? 0);
    return logistic(words * head.bucketScale + cues * UNIT + known + head.constant);
  }
}

/** Learns a head from verdicts of one model. Deterministic: the same rows in the same order give the same head.
 *  @throws RangeError without rows */
export function trainHead(rows: readonly JudgedPrompt[]): QualityHead {
  if (rows.length === 0) throw new RangeError('A head needs verdicts');
  const { means, scales } = spread(rows);
  const tasks = [...new Set(rows.flatMap(({ task }) => task ?? []))].sort().slice(0, MAX_TASKS);
  const fitted = fitLogisticRidge({
    rows: sparseRows(rows, { means, scales, tasks }),
    targets: Float64Array.from(rows, ({ score }) => score),
    weights: Float64Array.from(rows, ({ weight }) => weight),
    penalty: PENALTY,
  });
  const words = fitted.subarray(0, BUCKETS);
  const largest = words.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const bucketScale = largest / 127;
  return new QualityHead({
    buckets: Int8Array.from(words, (weight) => (bucketScale === 0 ? 0 : Math.round(weight / bucketScale))),
    bucketScale: Math.fround(bucketScale),
    means,
    scales,
    dense: Float32Array.from(fitted.subarray(BUCKETS, BUCKETS + DENSE)),
    tasks: new Map(tasks.map((task, index) => [task, Math.fround(fitted[BUCKETS + DENSE + index] ?? 0)])),
    constant: Math.fround(fitted.at(-1) ?? 0),
  });
}

function spread(rows: readonly JudgedPrompt[]): { readonly means: Float32Array; readonly scales: Float32Array } {
  const sums = new Float64Array(DENSE);
  const squares = new Float64Array(DENSE);
  for (const { features } of rows) {
    for (let j = 0; j < DENSE; j += 1) {
      const value = features.dense[j] ?? 0;
      sums[j] = (sums[j] ?? 0) + value;
      squares[j] = (squares[j] ?? 0) + value * value;
    }
  }
  const means = Float32Array.from(sums, (sum) => sum / rows.length);
  const scales = Float32Array.from(squares, (square, j) => {
    const variance = square / rows.length - ((sums[j] ?? 0) / rows.length) ** 2;
    return variance > 1e-9 ? 1 / Math.sqrt(variance) : 0;
  });
  return { means, scales };
}

interface Columns {
  readonly means: Float32Array;
  readonly scales: Float32Array;
  readonly tasks: readonly string[];
}

function sparseRows(rows: readonly JudgedPrompt[], { means, scales, tasks }: Columns): SparseRows {
  const entries = rows.reduce((sum, { features }) => sum + features.buckets.length + DENSE + 1, 0);
  const starts = new Int32Array(rows.length + 1);
  const columns = new Int32Array(entries);
  const values = new Float64Array(entries);
  const taskColumn = new Map(tasks.map((task, index) => [task, BUCKETS + DENSE + index]));
  let at = 0;
  for (const [row, { features, task }] of rows.entries()) {
    columns.set(features.buckets, at);
    values.set(features.weights, at);
    at += features.buckets.length;
    for (let j = 0; j < DENSE; j += 1, at += 1) {
      columns[at] = BUCKETS + j;
      values[at] = UNIT * clamp(((features.dense[j] ?? 0) - (means[j] ?? 0)) * (scales[j] ?? 0));
    }
    const column = task === null ? undefined : taskColumn.get(task);
    if (column !== undefined) {
      columns[at] = column;
      values[at] = 1;
      at += 1;
    }
    starts[row + 1] = at;
  }
  return {
    starts,
    columns: columns.subarray(0, at),
    values: values.subarray(0, at),
    width: BUCKETS + DENSE + tasks.length,
  };
}
