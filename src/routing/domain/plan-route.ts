import { AppError } from '../../platform/errors/index.js';
import { digestOf } from './decision-record.js';
import { rejectionsOf } from './filter-candidates.js';
import { compareCost, placeCalls, type Eligible } from './place-calls.js';
import { usesFloor } from './quality/choose-by-quality.js';
import { rankModels, type Ordering, type PlacedModel, type RankedModel } from './rank-models.js';
import {
  TRANSIENT,
  type Basis,
  type CandidateVerdict,
  type DecisionDigest,
  type DeploymentVerdict,
  type Ranked,
  type ReasonCode,
  type Rejection,
  type RouteDecision,
  type ShownRejection,
} from './route-decision.js';
import type { Candidate, DecisionNames, PlanInput } from './route-request.js';

/** Places of a plan: what one intent can name. Source: evidence page §2. */
export const MAX_ATTEMPTS = 8;
const MAX_SHOWN = 50;
const MAX_RETRY_S = 60;

/** One model with its judged deployments. */
interface JudgedModel {
  readonly model: string;
  readonly eligible: readonly Eligible[];
  readonly rejected: readonly RejectedCandidate[];
}

/** Decides who may serve a request and in which order: every filter on every candidate, then the cheapest model (or the
 *  order that was asked for), then a deployment of it, then the failover. Pure and total: equal input, equal decision,
 *  whatever the order of the candidates.
 *  @throws AppError max_cost_exceeded — only the caller's bound stands in the way; no_capacity — waiting may help;
 *  no_eligible_provider — every candidate is out for good; all with the rejected candidates */
export function planRoute(input: PlanInput, names: DecisionNames): RouteDecision {
  const filtered = judge(input);
  const { ranked, refused, baseline } = rankModels(placedModels(filtered, input), orderingOf(input));
  const judged = refused.length === 0 ? filtered : refuseByQuality(filtered, refused);
  const [chosen] = ranked;
  if (chosen === undefined) throw refusal(judged, input);
  const attempts = ranked.flatMap(({ placed, utility }) => placed.map((one) => toRanked(one, utility)));
  const plan = attempts.slice(0, MAX_ATTEMPTS);
  const placedIds = new Set(plan.map(({ deployment }) => deployment.id));
  const byModel = new Map(judged.map((one) => [one.model, one]));
  const candidates = [
    ...ranked.flatMap((one, index): readonly CandidateVerdict[] => {
      const judgement = byModel.get(one.model);
      if (judgement === undefined) return [];
      return [verdictOf(judgement, one, { placedIds, lostTo: index === 0 ? null : chosen, input })];
    }),
    ...judged
      .filter(({ eligible }) => eligible.length === 0)
      .map((one) => verdictOf(one, undefined, { placedIds, lostTo: null, input })),
  ];
  let digest: DecisionDigest | undefined;
  const decision: RouteDecision = {
    attempts: plan,
    candidates,
    basis: basisOf(input, chosen, baseline),
    mode: input.pool.mode,
    task: input.request.task,
    tier: input.request.tier,
    seed: input.seed,
    get rejected() {
      return shownRejections(judged);
    },
    digest: () => (digest ??= digestOf(decision, input, names)),
  };
  return decision;
}

function orderingOf({ pool, quality }: PlanInput): Ordering {
  if (pool.ordered) return 'order';
  return quality ?? 'cheapest';
}

function basisOf({ pool, quality }: PlanInput, chosen: RankedModel<Eligible>, baseline: string | null): Basis {
  if (pool.ordered) return { rule: 'order' };
  if (quality === undefined) return { rule: 'cheapest' };
  const { goal } = quality;
  const rule = chosen.model === baseline ? 'baseline' : usesFloor(goal) ? 'floor' : 'target';
  return { rule, baseline, evidence: chosen.evidence, target: goal.target };
}

/** Moves the deployments of models that quality forbids to the rejected ones. */
function refuseByQuality(
  judged: readonly JudgedModel[],
  refused: readonly { readonly model: string; readonly detail: string }[],
): readonly JudgedModel[] {
  const details = new Map(refused.map(({ model, detail }) => [model, detail]));
  return judged.map((one) => {
    const detail = details.get(one.model);
    if (detail === undefined) return one;
    const forbidden = one.eligible.map((candidate) => ({
      candidate,
      rejections: [{ reason: 'quality' as const, detail }],
    }));
    const rejected = [...one.rejected, ...forbidden].sort(byDeployment);
    return { ...one, eligible: [], rejected };
  });
}

function judge(input: PlanInput): readonly JudgedModel[] {
  const models = new Map<string, { eligible: Eligible[]; rejected: RejectedCandidate[] }>();
  for (const model of input.pool.models) models.set(model, { eligible: [], rejected: [] });
  for (const candidate of input.candidates) {
    const judged = models.get(candidate.deployment.model);
    if (judged === undefined) continue;
    const rejections = rejectionsOf(candidate, input);
    if (rejections.length === 0 && isPriced(candidate)) judged.eligible.push(candidate);
    else judged.rejected.push({ candidate, rejections });
  }
  for (const { rejected } of models.values()) rejected.sort(byDeployment);
  return Array.from(models, ([model, judged]) => ({ model, ...judged }));
}

interface RejectedCandidate {
  readonly candidate: Candidate;
  readonly rejections: readonly Rejection[];
}

function byDeployment(a: RejectedCandidate, b: RejectedCandidate): number {
  return a.candidate.deployment.id < b.candidate.deployment.id ? -1 : 1;
}

function isPriced(candidate: Candidate): candidate is Eligible {
  return candidate.quote !== undefined && candidate.expected !== null && candidate.worst !== null;
}

function placedModels(judged: readonly JudgedModel[], input: PlanInput): readonly PlacedModel<Eligible>[] {
  const draw = { seed: input.seed, sessionKey: input.request.wish.sessionKey };
  return judged.flatMap(({ model, eligible }) => {
    const [first, ...rest] = placeCalls(eligible, draw);
    return first === undefined ? [] : [{ model, placed: [first, ...rest] as const }];
  });
}

function toRanked({ deployment, quote, expected, worst }: Eligible, utility: number | null): Ranked {
  return { deployment, model: deployment.model, quote, expected, worst, utility };
}

function deploymentVerdict(
  { deployment, expected, live }: Candidate,
  status: DeploymentVerdict['status'],
  rejections: readonly Rejection[],
): DeploymentVerdict {
  return {
    id: deployment.id,
    providerName: deployment.providerName,
    status,
    rejections,
    expected,
    currency: deployment.currency,
    weight: deployment.weight,
    permits: live.permits,
    headroom: live.headroom,
    ramp: live.ramp,
    ttftMs: live.ttftMs,
    retryAtMs: live.retryAtMs,
  };
}

interface VerdictContext {
  readonly placedIds: ReadonlySet<string>;
  readonly lostTo: RankedModel<Eligible> | null;
  readonly input: PlanInput;
}

function verdictOf(
  judgement: JudgedModel,
  ranked: RankedModel<Eligible> | undefined,
  { placedIds, lostTo, input }: VerdictContext,
): CandidateVerdict {
  const rejected = judgement.rejected.map(({ candidate, rejections }) =>
    deploymentVerdict(candidate, 'rejected', rejections),
  );
  const quality = input.pool.ordered ? null : (input.quality?.models.get(judgement.model) ?? null);
  const about = { model: judgement.model, quality };
  if (ranked === undefined) {
    return { ...about, ...UNPRICED, status: 'rejected', reasons: reasonsOf(judgement), deployments: rejected };
  }
  const [{ expected, worst, quote }] = ranked.placed;
  const placed = ranked.placed.map((one) =>
    deploymentVerdict(one, placedIds.has(one.deployment.id) ? 'placed' : 'eligible', []),
  );
  return {
    ...about,
    status: lostTo === null ? 'chosen' : 'eligible',
    reasons: [],
    lostBy: lostTo === null ? null : lostBy(ranked, lostTo, input),
    expected,
    worst,
    currency: quote.currency,
    utility: ranked.utility,
    deployments: [...placed, ...rejected],
  };
}

/** What is not told of a model that is out. */
const UNPRICED = { lostBy: null, expected: null, worst: null, currency: null, utility: null } as const;

function lostBy(
  loser: RankedModel<Eligible>,
  winner: RankedModel<Eligible>,
  { pool }: PlanInput,
): NonNullable<CandidateVerdict['lostBy']> {
  if (pool.ordered) return 'order';
  const difference = compareCost(loser.placed[0], winner.placed[0]);
  if (difference > 0) return 'cost';
  return difference === 0 ? 'tie' : 'quality';
}

function reasonsOf({ rejected }: JudgedModel): readonly ReasonCode[] {
  return [...new Set(rejected.flatMap(({ rejections }) => rejections.map(({ reason }) => reason)))];
}

function shownRejections(judged: readonly JudgedModel[]): RouteDecision['rejected'] {
  const shown: ShownRejection[] = [];
  for (const { model, rejected } of judged) {
    for (const { candidate, rejections } of rejected) {
      const [first] = rejections;
      if (first !== undefined) shown.push(shownRejection(candidate, model, first.reason));
    }
  }
  return shown.slice(0, MAX_SHOWN);
}

function shownRejection({ deployment, live }: Candidate, model: string, reason: ReasonCode): ShownRejection {
  const shown = { provider: deployment.providerName, model, reason };
  const { retryAtMs } = live;
  if (retryAtMs === null || !TRANSIENT.has(reason)) return shown;
  return { ...shown, resetsAt: new Date(Math.ceil(retryAtMs)).toISOString() };
}

function refusal(judged: readonly JudgedModel[], input: PlanInput): AppError {
  const all = judged.flatMap(({ rejected }) => rejected);
  const only = (holds: (reason: ReasonCode) => boolean): typeof all =>
    all.filter(({ rejections }) => rejections.length > 0 && rejections.every(({ reason }) => holds(reason)));
  const aip = { rejected: shownRejections(judged) };
  const busy = only((reason) => TRANSIENT.has(reason));
  if (busy.length > 0) {
    const waits = busy
      .flatMap(({ candidate }) => candidate.live.retryAtMs ?? [])
      .map((atMs) => (atMs - input.atMs) / 1000);
    const jitter = 0.8 + ((input.seed >>> 0) % 401) / 1000;
    const retryAfterSeconds = Math.min(MAX_RETRY_S, Math.max(1, Math.min(MAX_RETRY_S, ...waits) * jitter));
    return new AppError(
      'no_capacity',
      `Every deployment that may serve ${input.request.model} is at its limit or failing. Try again.`,
      {
        retryAfterSeconds: waits.length === 0 ? 1 : retryAfterSeconds,
        aip,
      },
    );
  }
  if (only((reason) => reason === 'max_cost').length > 0) {
    return new AppError(
      'max_cost_exceeded',
      'The worst case of every candidate is above the maximum cost you set. Raise it or ask for fewer tokens.',
      {
        param: 'aip.maxCost',
        aip,
      },
    );
  }
  const reasons = [...new Set(judged.flatMap(reasonsOf))];
  return new AppError(
    'no_eligible_provider',
    `No deployment may serve this request to ${input.request.model}: ${reasons.length === 0 ? 'none exists' : reasons.join(', ')}. ` +
      'aip.rejected names the reason of each.',
    { aip },
  );
}
