import type { Money } from '../../platform/money/index.js';
import { capacityScore, compareCost, type Placeable } from './place-calls.js';
import {
  judgeQuality,
  rankByQuality,
  utilityOf,
  type QualityEvidence,
  type QualityOption,
  type QualityRefusal,
} from './quality/choose-by-quality.js';
import type { RequestQuality } from './quality/request-quality.js';

/** A model with the deployments that passed every filter, in the order in which they would be called. */
export interface PlacedModel<T extends Placeable> {
  readonly model: string;
  readonly placed: readonly [T, ...T[]];
}

/** `order`: as the caller or the alias named them; `cheapest`: nothing is known or wished about quality. */
export type Ordering = 'order' | 'cheapest' | RequestQuality;

/** A model that may serve. */
export interface RankedModel<T extends Placeable> extends PlacedModel<T> {
  readonly utility: number | null;
  readonly evidence: QualityEvidence | null;
}

/** Models best first, and those that quality forbids. */
export interface ModelRanking<T extends Placeable> {
  readonly ranked: readonly RankedModel<T>[];
  readonly refused: readonly { readonly model: string; readonly detail: QualityRefusal }[];
  /** The model that quality was measured against and that always may; null: quality took no part. */
  readonly baseline: string | null;
}

/** Cost of a currency that cannot be compared with the others. */
const INCOMPARABLE = 1e6;
const SCALE = 1_000_000_000n;

function byCost<T extends Placeable>(a: PlacedModel<T>, b: PlacedModel<T>): number {
  const [x, y] = [a.placed[0], b.placed[0]];
  return compareCost(x, y) || capacityScore(y) - capacityScore(x) || (a.model < b.model ? -1 : 1);
}

const unjudged = <T extends Placeable>(one: PlacedModel<T>): RankedModel<T> => ({
  ...one,
  utility: null,
  evidence: null,
});

/** Ranks the models that passed the filters. Pure; for `cheapest` and quality independent of the order of `models`. */
export function rankModels<T extends Placeable>(
  models: readonly PlacedModel<T>[],
  ordering: Ordering,
): ModelRanking<T> {
  if (ordering === 'order') return { ranked: models.map(unjudged), refused: [], baseline: null };
  const sorted = models.toSorted(byCost);
  if (ordering === 'cheapest') return { ranked: sorted.map(unjudged), refused: [], baseline: null };
  return rankWithQuality(sorted, ordering);
}

function rankWithQuality<T extends Placeable>(
  sorted: readonly PlacedModel<T>[],
  quality: RequestQuality,
): ModelRanking<T> {
  const { goal } = quality;
  const options = optionsOf(sorted, quality);
  const judgements = options.map((option) => judgeQuality(option, goal, goal.measure));
  const baseline = baselineOf(sorted, quality);
  const ranked = rankByQuality(options, baseline, goal).flatMap((position): readonly RankedModel<T>[] => {
    const [one, option, judgement] = [sorted[position], options[position], judgements[position]];
    if (one === undefined || option === undefined) return [];
    const evidence = judgement === 'posterior' || judgement === 'approval' ? judgement : 'baseline';
    return [{ ...one, utility: utilityOf(option, goal), evidence: position === baseline ? 'baseline' : evidence }];
  });
  const served = new Set(ranked.map(({ model }) => model));
  const refused = sorted.flatMap(({ model }, position) => {
    const detail = judgements[position];
    if (served.has(model) || detail === undefined || detail === 'posterior' || detail === 'approval') return [];
    return [{ model, detail }];
  });
  return { ranked, refused, baseline: sorted[baseline]?.model ?? null };
}

function optionsOf<T extends Placeable>(
  sorted: readonly PlacedModel<T>[],
  { models, baselineCost }: RequestQuality,
): readonly QualityOption[] {
  return sorted.map(({ model, placed: [{ quote, expected }] }, position) => {
    const known = models.get(model);
    return {
      cell: known?.cell,
      head: known?.head,
      isApproved: known?.isApproved === true,
      cost: baselineCost === null ? position : ratioOf({ amount: expected, currency: quote.currency }, baselineCost),
    };
  });
}

function ratioOf(cost: Money, unit: Money): number {
  if (cost.currency !== unit.currency || unit.amount <= 0n) return INCOMPARABLE;
  return Number((cost.amount * SCALE) / unit.amount) / Number(SCALE);
}

/** The first baseline of the policy that is left; with the whole of its quality asked for, or a bound, nobody replaces it; else the
 *  model with the highest lower bound does, so that a request is served. −1: nobody. */
function baselineOf<T extends Placeable>(
  sorted: readonly PlacedModel<T>[],
  { baselines, goal, models }: RequestQuality,
): number {
  const lowerOf = (model: string): number => models.get(model)?.cell?.lower ?? 0;
  const isEnough = (model: string): boolean => goal.minQuality === 0 || lowerOf(model) >= goal.minQuality;
  const trusted = baselines.find((name) => isEnough(name) && sorted.some(({ model }) => model === name));
  if (trusted !== undefined) return sorted.findIndex(({ model }) => model === trusted);
  if (goal.target >= 1 || goal.minQuality > 0) return -1;
  const most = Math.max(...sorted.map(({ model }) => lowerOf(model)));
  return sorted.findIndex(({ model }) => lowerOf(model) === most);
}
