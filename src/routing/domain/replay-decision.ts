import { parseAmount } from '../../platform/money/index.js';
import { placeCalls, type Placeable } from './place-calls.js';
import { MAX_ATTEMPTS } from './plan-route.js';
import type { QualityRule } from './quality/choose-by-quality.js';
import type { ModelQuality } from './quality/request-quality.js';
import { rankModels, type Ordering, type PlacedModel } from './rank-models.js';

/** Members of a decision's record that the choice follows from. */
interface DecisionRecord {
  readonly v: number;
  readonly seed: string;
  readonly basis: { readonly rule: string };
  readonly quality?: {
    readonly baselineCost: { readonly amount: string; readonly currency: string } | null;
    readonly baselines: readonly string[];
    readonly measure: number;
    readonly minQuality: number;
    readonly rule: QualityRule;
    readonly target: number;
  };
  readonly staysOn?: readonly string[];
  readonly candidates: readonly RecordedCandidate[];
  readonly plan: readonly string[];
}

interface RecordedCandidate {
  readonly model: string;
  readonly quality?: {
    readonly approved: boolean;
    readonly head: number | null;
    readonly lower: number | null;
    readonly mass: number | null;
    readonly mean: number | null;
    readonly upper: number | null;
  };
  readonly deployments: readonly RecordedDeployment[];
}

interface RecordedDeployment {
  readonly id: string;
  readonly provider: string;
  readonly status: 'placed' | 'eligible' | 'rejected';
  readonly currency: string;
  readonly expected: string;
  readonly headroom: number;
  readonly permits: number;
  readonly ramp: number;
  readonly ttftMs: number | null;
  readonly weight: number;
}

/** What a replay found: the plan that follows from the record's own facts, and whether it is the recorded one. */
export interface Replay {
  readonly isSame: boolean;
  readonly plan: readonly string[];
  readonly recorded: readonly string[];
}

const VERSION = 2;

/** Decides again from the record alone: facts, live values and what heads said are inputs in it. Undefined for a record of a
 *  version that kept too little. Pure. @throws SyntaxError, RangeError — the bytes are no record */
export function replayDecision(body: Buffer): Replay | undefined {
  const record = JSON.parse(body.toString('utf8')) as DecisionRecord;
  if (record.v !== VERSION) return undefined;
  const draw = {
    seed: Number(record.seed),
    sessionKey: undefined,
    ...(record.staysOn === undefined ? {} : { staysOn: new Set(record.staysOn) }),
  };
  const models = record.candidates.flatMap((candidate): readonly PlacedModel<Placeable>[] => {
    const [first, ...rest] = placeCalls(eligibleOf(candidate), draw);
    return first === undefined ? [] : [{ model: candidate.model, placed: [first, ...rest] }];
  });
  const { ranked } = rankModels(models, orderingOf(record));
  const plan = ranked.flatMap(({ placed }) => placed.map(({ deployment }) => deployment.id)).slice(0, MAX_ATTEMPTS);
  return { isSame: plan.join('\n') === record.plan.join('\n'), plan, recorded: record.plan };
}

function eligibleOf({ deployments }: RecordedCandidate): readonly Placeable[] {
  return deployments
    .filter(({ status }) => status !== 'rejected')
    .map(({ id, provider, weight, currency, expected, permits, headroom, ramp, ttftMs }) => ({
      deployment: { id, providerId: provider, weight, limits: {} },
      live: { permits, headroom, ramp, ttftMs },
      quote: { currency },
      expected: parseAmount(expected),
    }));
}

function orderingOf({ basis, quality, candidates }: DecisionRecord): Ordering {
  if (basis.rule === 'order') return 'order';
  if (quality === undefined) return 'cheapest';
  const { baselines, baselineCost, ...goal } = quality;
  return {
    knowledge: null,
    baselines,
    goal,
    baselineCost: baselineCost === null ? null : { ...baselineCost, amount: parseAmount(baselineCost.amount) },
    models: new Map(
      candidates.flatMap((one): readonly [string, ModelQuality][] =>
        one.quality === undefined ? [] : [[one.model, qualityOf(one.quality)]],
      ),
    ),
  };
}

function qualityOf({
  approved,
  head,
  lower,
  mass,
  mean,
  upper,
}: NonNullable<RecordedCandidate['quality']>): ModelQuality {
  const isKnown = lower !== null && mass !== null && mean !== null && upper !== null;
  return { cell: isKnown ? { lower, mass, mean, upper } : undefined, head: head ?? undefined, isApproved: approved };
}
