import { AppError } from '../../platform/errors/index.js';
import { digestOf } from './decision-record.js';
import { rejectionsOf } from './filter-candidates.js';
import { capacityScore, compareCost, placeCalls, type Eligible } from './place-calls.js';
import {
  TRANSIENT,
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
  readonly rejected: readonly { readonly candidate: Candidate; readonly rejections: readonly Rejection[] }[];
}

/** Decides who may serve a request and in which order: every filter on every candidate, then the cheapest model (or the
 *  order that was asked for), then a deployment of it, then the failover. Pure and total: equal input, equal decision,
 *  whatever the order of the candidates.
 *  @throws AppError max_cost_exceeded — only the caller's bound stands in the way; no_capacity — waiting may help;
 *  no_eligible_provider — every candidate is out for good; all with the rejected candidates */
export function planRoute(input: PlanInput, names: DecisionNames): RouteDecision {
  const judged = judge(input);
  const ranked = rankModels(judged, input);
  const [chosen] = ranked;
  if (chosen === undefined) throw refusal(judged, input);
  const attempts = ranked.flatMap(({ placed }) => placed.map(toRanked)).slice(0, MAX_ATTEMPTS);
  const placedIds = new Set(attempts.map(({ deployment }) => deployment.id));
  const candidates = [
    ...ranked.map(({ judgement, placed }, index) =>
      verdictOf(judgement, placed, { placedIds, lostTo: index === 0 ? null : chosen }),
    ),
    ...judged
      .filter(({ eligible }) => eligible.length === 0)
      .map((one) => verdictOf(one, [], { placedIds, lostTo: null })),
  ].map((verdict, index) =>
    input.pool.ordered && index > 0 && verdict.lostBy !== null ? { ...verdict, lostBy: 'order' as const } : verdict,
  );
  let digest: DecisionDigest | undefined;
  const decision: RouteDecision = {
    attempts,
    candidates,
    basis: { rule: input.pool.ordered ? 'order' : 'cheapest' },
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

function judge(input: PlanInput): readonly JudgedModel[] {
  const models = new Map<
    string,
    { eligible: Eligible[]; rejected: { candidate: Candidate; rejections: readonly Rejection[] }[] }
  >();
  for (const model of input.pool.models) models.set(model, { eligible: [], rejected: [] });
  for (const candidate of input.candidates) {
    const judged = models.get(candidate.deployment.model);
    if (judged === undefined) continue;
    const rejections = rejectionsOf(candidate, input);
    if (rejections.length === 0 && isPriced(candidate)) judged.eligible.push(candidate);
    else judged.rejected.push({ candidate, rejections });
  }
  for (const { rejected } of models.values()) {
    rejected.sort((a, b) => (a.candidate.deployment.id < b.candidate.deployment.id ? -1 : 1));
  }
  return Array.from(models, ([model, judged]) => ({ model, ...judged }));
}

function isPriced(candidate: Candidate): candidate is Eligible {
  return candidate.quote !== undefined && candidate.expected !== null && candidate.worst !== null;
}

interface RankedModel {
  readonly judgement: JudgedModel;
  readonly placed: readonly [Eligible, ...Eligible[]];
}

function rankModels(judged: readonly JudgedModel[], input: PlanInput): readonly RankedModel[] {
  const draw = { seed: input.seed, sessionKey: input.request.wish.sessionKey };
  const models: RankedModel[] = [];
  for (const judgement of judged) {
    const [first, ...rest] = placeCalls(judgement.eligible, draw);
    if (first !== undefined) models.push({ judgement, placed: [first, ...rest] });
  }
  if (input.pool.ordered) return models;
  return models.sort((a, b) => {
    const [x, y] = [a.placed[0], b.placed[0]];
    return compareCost(x, y) || capacityScore(y) - capacityScore(x) || (a.judgement.model < b.judgement.model ? -1 : 1);
  });
}

function toRanked({ deployment, quote, expected, worst }: Eligible): Ranked {
  return { deployment, model: deployment.model, quote, expected, worst, utility: null };
}

function deploymentVerdict(
  { deployment, live }: Candidate,
  status: DeploymentVerdict['status'],
  rejections: readonly Rejection[],
): DeploymentVerdict {
  return {
    id: deployment.id,
    providerName: deployment.providerName,
    status,
    rejections,
    permits: live.permits,
    headroom: live.headroom,
    ramp: live.ramp,
    ttftMs: live.ttftMs,
    retryAtMs: live.retryAtMs,
  };
}

function verdictOf(
  judgement: JudgedModel,
  placed: readonly Eligible[],
  place: { readonly placedIds: ReadonlySet<string>; readonly lostTo: RankedModel | null },
): CandidateVerdict {
  const [first] = placed;
  const deployments = [
    ...placed.map((one) => deploymentVerdict(one, place.placedIds.has(one.deployment.id) ? 'placed' : 'eligible', [])),
    ...judgement.rejected.map(({ candidate, rejections }) => deploymentVerdict(candidate, 'rejected', rejections)),
  ];
  const status = first === undefined ? 'rejected' : place.lostTo === null ? 'chosen' : 'eligible';
  return {
    model: judgement.model,
    status,
    reasons: status === 'rejected' ? reasonsOf(judgement) : [],
    lostBy: first === undefined || place.lostTo === null ? null : lostBy(first, place.lostTo.placed[0]),
    expected: first?.expected ?? null,
    worst: first?.worst ?? null,
    currency: first?.quote.currency ?? null,
    deployments,
  };
}

function lostBy(loser: Eligible, winner: Eligible): 'cost' | 'tie' {
  return compareCost(loser, winner) === 0 ? 'tie' : 'cost';
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
