import { blendedQuality, passesGuard, type QualityOption, type QualityRule } from './choose-by-quality.js';
import { EMPTY_CELL, estimateCell, withEvaluation, type QualityEstimate } from './quality-cell.js';

/** A prompt that several models answered and that was judged for each. */
export interface JudgedRow {
  readonly task: string;
  /** 0…1 per model; null: not judged. */
  readonly scores: readonly (number | null)[];
  /** Expected cost per model in one unit, ≥ 0, as it would be known before the call. */
  readonly costs: readonly number[];
  /** What a head that never saw this row says, per model; undefined: no head. */
  readonly heads: readonly (number | undefined)[];
}

/** What is tuned for. */
export interface TuningGoal {
  /** Position of the model whose quality is the measure. */
  readonly baseline: number;
  /** Share of its quality to be kept on average, 0…1. */
  readonly target: number;
}

/** A tuned rule with what it did on rows it was not made from. */
export interface TunedPolicy {
  readonly rule: QualityRule;
  /** Mean score ÷ mean score of the baseline, out of fold; 1 for `floor`. */
  readonly quality: number;
  /** Cost ÷ cost of the baseline, out of fold; 1 for `floor`. */
  readonly cost: number;
}

const FOLDS = 4;
const HEAD_SHARES = [0, 0.25, 0.5, 1] as const;
/** A head must save this much more than the table alone, in shares of the baseline's cost. */
const HEAD_MUST_SAVE = 0.01;
const LAMBDAS = [0, ...Array.from({ length: 101 }, (_, k) => 10 ** (-3 + k / 20))];
/** Rows below which nothing is tuned. Source: routing page §4. */
export const LEAST_ROWS = 200;

/** Estimates per task and model, from judged rows. */
export type CellTable = ReadonlyMap<string, readonly QualityEstimate[]>;

/** Fills the cells of a table from judged rows as one run of an eval pack would, without the bound on its mass. */
export function tableOf(rows: readonly JudgedRow[], models: number): CellTable {
  const sums = new Map<string, { sum: Float64Array; n: Float64Array }>();
  for (const { task, scores } of rows) {
    const known = sums.get(task) ?? { sum: new Float64Array(models), n: new Float64Array(models) };
    sums.set(task, known);
    for (const [model, score] of scores.entries()) {
      if (score === null) continue;
      known.sum[model] = (known.sum[model] ?? 0) + score;
      known.n[model] = (known.n[model] ?? 0) + 1;
    }
  }
  return new Map(
    Array.from(sums, ([task, { sum, n }]) => [
      task,
      Array.from(sum, (total, model) => {
        const count = n[model] ?? 0;
        return estimateCell(withEvaluation(EMPTY_CELL, count === 0 ? 0 : total / count, count));
      }),
    ]),
  );
}

/** Finds the cheapest rule that keeps the target on rows it was not made from, with one standard error to spare; `floor` when
 *  there is none or the rows are too few. Deterministic: rows are folded by their position. */
export function tunePolicy(rows: readonly JudgedRow[], { baseline, target }: TuningGoal): TunedPolicy {
  const usable = rows.filter(({ scores }) => scores[baseline] !== null && scores[baseline] !== undefined);
  if (usable.length < LEAST_ROWS) return { rule: { rule: 'floor' }, quality: 1, cost: 1 };
  const prepared = prepare(usable, { baseline, target });
  let best: Trial | undefined;
  for (const headShare of HEAD_SHARES) {
    const cheapest = cheapestOf(prepared, headShare, target);
    const mustCost = best === undefined ? Infinity : best.cost - (best.headShare === 0 ? HEAD_MUST_SAVE : 0);
    if (cheapest !== undefined && cheapest.cost < mustCost) best = cheapest;
  }
  if (best === undefined) return { rule: { rule: 'floor' }, quality: 1, cost: 1 };
  const { lambda, headShare, quality, cost } = best;
  return { rule: { rule: 'target', lambda, headShare }, quality, cost };
}

interface Trial {
  readonly lambda: number;
  readonly headShare: number;
  readonly quality: number;
  readonly cost: number;
}

/** A row with the options that passed the guard by the cells of the other folds. */
interface PreparedRow {
  readonly options: readonly (QualityOption & { readonly score: number })[];
  readonly baseScore: number;
  readonly baseCost: number;
}

function prepare(rows: readonly JudgedRow[], { baseline, target }: TuningGoal): readonly PreparedRow[] {
  const models = rows[0]?.scores.length ?? 0;
  const baseCost = rows.reduce((sum, { costs }) => sum + (costs[baseline] ?? 0), 0) / rows.length;
  return Array.from({ length: FOLDS }, (_, fold) => fold).flatMap((fold) => {
    const table = tableOf(
      rows.filter((_, index) => index % FOLDS !== fold),
      models,
    );
    return rows
      .filter((_, index) => index % FOLDS === fold)
      .map((row) => {
        const cells = table.get(row.task);
        const options = row.scores.flatMap((score, model) => {
          const cell = cells?.[model];
          const may = model === baseline || passesGuard(cell, cells?.[baseline], target);
          if (!may || score === null) return [];
          return [{ cell, head: row.heads[model], cost: (row.costs[model] ?? 0) / baseCost, score }];
        });
        return { options, baseScore: row.scores[baseline] ?? 0, baseCost: (row.costs[baseline] ?? 0) / baseCost };
      });
  });
}

function cheapestOf(rows: readonly PreparedRow[], headShare: number, target: number): Trial | undefined {
  const blended = rows.map(({ options }) => options.map((option) => blendedQuality(option, headShare)));
  let best: Trial | undefined;
  for (const lambda of LAMBDAS) {
    const trial = tryRule(rows, blended, { lambda, headShare, target });
    if (trial !== undefined && (best === undefined || trial.cost < best.cost)) best = trial;
  }
  return best;
}

function tryRule(
  rows: readonly PreparedRow[],
  blended: readonly (readonly number[])[],
  { lambda, headShare, target }: { readonly lambda: number; readonly headShare: number; readonly target: number },
): Trial | undefined {
  let [score, baseScore, cost, baseCost, sum, square] = [0, 0, 0, 0, 0, 0];
  for (const [index, row] of rows.entries()) {
    const chosen = bestOption(row, blended[index] ?? [], lambda);
    const margin = chosen.score - target * row.baseScore;
    score += chosen.score;
    baseScore += row.baseScore;
    cost += chosen.cost;
    baseCost += row.baseCost;
    sum += margin;
    square += margin * margin;
  }
  const mean = sum / rows.length;
  const error = Math.sqrt(Math.max(0, square / rows.length - mean * mean) / rows.length);
  if (mean < error || baseScore === 0 || baseCost === 0) return undefined;
  return { lambda, headShare, quality: score / baseScore, cost: cost / baseCost };
}

function bestOption(
  { options }: PreparedRow,
  qualities: readonly number[],
  lambda: number,
): { readonly score: number; readonly cost: number } {
  let best: (QualityOption & { readonly score: number }) | undefined;
  let most = -Infinity;
  for (const [position, option] of options.entries()) {
    const utility = (qualities[position] ?? 0) - lambda * option.cost;
    if (utility > most || (utility === most && option.cost < (best?.cost ?? Infinity))) {
      best = option;
      most = utility;
    }
  }
  return best ?? { score: 0, cost: 0 };
}
