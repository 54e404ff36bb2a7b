import { claimedValues, processesWithin, type Capabilities } from '../../providers/index.js';
import { REASONS, type ReasonCode, type Rejection } from './route-decision.js';
import type { Candidate, PlanInput } from './route-request.js';

/** Detail of one reason, or null when it does not hold. */
type Filter = (candidate: Candidate, input: PlanInput) => string | null;

const outside = (list: readonly string[] | null | undefined, name: string): boolean =>
  list !== undefined && list !== null && !list.includes(name);

const notAllowed: Filter = ({ deployment }, { request, policy }) => {
  const { models } = request.entitlements;
  if (models !== null && !models.includes(deployment.model) && !models.includes(request.model)) return 'entitlement';
  if (outside(policy.allowedModels, deployment.model)) return 'policy_model';
  return outside(policy.allowedProviders, deployment.providerName) ? 'policy_provider' : null;
};

const excluded: Filter = ({ deployment }, { request: { wish } }) => {
  if (wish.providersDeny?.includes(deployment.providerName) === true) return 'providersDeny';
  return outside(wish.providersAllow, deployment.providerName) ? 'providersAllow' : null;
};

/** The places that policy and wish allow together; null: anywhere. A wish can only narrow. */
export function allowedPlaces(
  policy: readonly string[] | null,
  wish: readonly string[] | undefined,
): readonly string[] | null {
  if (wish === undefined) return policy;
  return policy === null ? wish : wish.filter((place) => policy.includes(place));
}

const jurisdiction: Filter = ({ deployment }, { request, policy, atMs }) => {
  const places = allowedPlaces(policy.jurisdictions, request.wish.jurisdictions);
  if (places === null || processesWithin(deployment.claims, places, atMs)) return null;
  return deployment.region ?? 'unknown';
};

const classification: Filter = ({ deployment }, { request, policy, atMs }) => {
  const label = request.wish.classification;
  if (label === undefined) return null;
  const needed = policy.classifications.indexOf(label);
  const [cleared] = claimedValues(deployment.claims, 'highestClassification', atMs);
  const reached = typeof cleared === 'string' ? policy.classifications.indexOf(cleared) : -1;
  if (needed >= 0 && reached >= needed) return null;
  return typeof cleared === 'string' ? cleared : 'none';
};

const retention: Filter = ({ deployment }, { request, atMs }) => {
  if (request.wish.zeroRetention !== true) return null;
  if (claimedValues(deployment.claims, 'trainsOnInput', atMs).includes(true)) return 'trains';
  const claims = claimedValues(deployment.claims, 'retention', atMs);
  const none = claims.some((claim) => (claim as { zeroRetention?: unknown } | null)?.zeroRetention === true);
  return none ? null : 'retains';
};

function lacks(capabilities: Capabilities, name: string): boolean {
  const value = (capabilities as unknown as Readonly<Record<string, unknown>>)[name];
  return value === undefined || value === null || value === false || value === 'none' || value === 0;
}

const capability: Filter = ({ deployment, gaps }, { request }) => {
  const { capabilities } = deployment;
  if (!capabilities.operations.includes(request.operation)) return request.operation;
  const missing = request.wish.requires?.find((name) => lacks(capabilities, name));
  return gaps[0] ?? missing ?? null;
};

/** Output tokens that a request can get from a deployment. */
export function outputBoundAt(capabilities: Capabilities, outputBound: number): number {
  return capabilities.maxOutput > 0 ? Math.min(outputBound, capabilities.maxOutput) : outputBound;
}

const contextWindow: Filter = ({ deployment }, { request: { facts, wish, operation } }) => {
  const { context, maxOutput } = deployment.capabilities;
  if (wish.minContext !== undefined && context < wish.minContext) return 'min_context';
  // The window of an embedding model holds one input; a request carries many.
  if (operation === 'embeddings') return null;
  if (facts.outputNamed === true && maxOutput > 0 && facts.outputBound > maxOutput) return 'max_output';
  // A window nobody knows refuses only who asks for one.
  if (context === 0) return null;
  return facts.inputBound + outputBoundAt(deployment.capabilities, facts.outputBound) > context ? 'context' : null;
};

const maxCost: Filter = ({ deployment, worst }, { request: { wish } }) => {
  if (wish.maxCost === undefined || worst === null) return null;
  if (wish.maxCost.currency !== deployment.currency) return 'currency';
  return worst > wish.maxCost.amount ? 'worst' : null;
};

const maxLatency: Filter = ({ live }, { request: { wish } }) =>
  wish.maxLatencyMs !== undefined && live.p95Ms !== null && live.p95Ms > wish.maxLatencyMs ? 'p95' : null;

const upstreamLimit: Filter = ({ live }, { request: { facts } }) => {
  if (live.refusal === 'upstream_limit') return 'requests';
  if (live.permits <= 0) return 'concurrency';
  return live.tokensLeft !== null && live.tokensLeft < facts.inputTokens ? 'tokens' : null;
};

/** The question behind each reason. `budget` is asked later, by the reservation. */
const FILTERS: Readonly<Record<Exclude<ReasonCode, 'budget'>, Filter>> = {
  not_allowed: notAllowed,
  excluded,
  jurisdiction,
  classification,
  retention,
  capability,
  context_window: contextWindow,
  price_unknown: ({ quote }) => (quote === undefined ? 'meter' : null),
  simulated: ({ deployment }, { pool }) => (deployment.simulated === pool.simulated ? null : deployment.network),
  disabled: ({ deployment }) => (deployment.state === 'disabled' ? 'state' : null),
  deprecated: ({ deployment }, { atMs }) =>
    deployment.deprecatedAtMs !== null && deployment.deprecatedAtMs <= atMs ? 'retired' : null,
  credential: ({ live }) => (live.credentialRefused ? 'refused' : null),
  max_cost: maxCost,
  max_latency: maxLatency,
  // With a baseline, quality is judged against it once the other filters are through.
  quality: (_, { request, pool, quality }) =>
    (request.wish.minQuality ?? 0) > 0 && pool.mode === 'route' && quality === undefined ? 'no_evidence' : null,
  draining: ({ deployment }) => (deployment.state === 'draining' ? 'state' : null),
  breaker_open: ({ live }) => (live.refusal === 'breaker_open' ? 'open' : null),
  upstream_limit: upstreamLimit,
};

const ORDER = REASONS.filter((reason) => reason !== 'budget').map((reason) => [reason, FILTERS[reason]] as const);
const NONE: readonly Rejection[] = Object.freeze([]);

/** Every reason that holds against a candidate, in the documented order; empty when it may serve. Pure. */
export function rejectionsOf(candidate: Candidate, input: PlanInput): readonly Rejection[] {
  let found: Rejection[] | undefined;
  for (const [reason, filter] of ORDER) {
    const detail = filter(candidate, input);
    if (detail !== null) (found ??= []).push({ reason, detail });
  }
  return found ?? NONE;
}
