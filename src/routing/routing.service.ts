import { Injectable } from '@nestjs/common';

import { expectedCost, MeteringService, worstCase, type PriceBook, type PriceQuote } from '../metering/index.js';
import type { Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { PicoUsd } from '../platform/money/index.js';
import { TIERS, type Criticality, type Principal, type Tier } from '../platform/security/index.js';
import { ConfigSnapshots, type ConfigSnapshot, type SnapshotPart } from '../platform/snapshot/index.js';
import { choicesOf, ProvidersService, type AttemptClaim, type Deployment } from '../providers/index.js';
import { CapacityBoard, type ClaimAsk } from './capacity-board.js';
import type { BreakerChange, DeploymentCapacity } from './domain/deployment-capacity.js';
import { outputBoundAt } from './domain/filter-candidates.js';
import { choosePool } from './domain/model-pool.js';
import { planRoute } from './domain/plan-route.js';
import { PolicyBook, type PolicyInForce } from './domain/policy-book.js';
import type { RouteDecision, Task } from './domain/route-decision.js';
import type { Candidate, RequestFacts, RouteRequest, RoutingWish } from './domain/route-request.js';
import { determineTask, TASKS } from './domain/task.js';
import type { RoutePolicyBody } from './domain/route-policy.js';
import { RouteDecisionRepository, type DecisionRow } from './persistence/route-decision.repository.js';
import { RoutePolicyRepository } from './persistence/route-policy.repository.js';
import { SharedCapacity } from './shared-capacity.js';

/** Deployments that one plan looks at. */
const MAX_CANDIDATES = 256;
/** Mean answer of a class without measurements. Source: routing page §6. */
const USUAL_OUTPUT = 300;

/** A limit that resets later than this is not waited for. */
const LONGEST_WAIT_MS = 30_000;

/** One request to be routed. */
export interface RouteWish {
  readonly requestId: string;
  readonly snapshot: ConfigSnapshot;
  readonly principal: Principal;
  readonly operation: 'chat' | 'embeddings';
  /** The parsed body; read for capabilities and the task, never kept. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly model: string;
  /** The body's `models[]`. */
  readonly fallbackModels?: readonly string[];
  readonly wish: RoutingWish;
  readonly facts: RequestFacts;
  readonly atMs: number;
  /** Any 32-bit integer; draws among equals. */
  readonly seed: number;
  /** Class of the call; absent: `critical`. */
  readonly criticality?: Criticality;
  /** Waiting beyond it is pointless; absent: unknown. */
  readonly deadlineAtMs?: number;
}

/** A planned call with its permit, or what it waits for. `busy`: every candidate that may serve it is at its limit or failing, or
 *  the class of the call may not take what is left; waiting may help. */
export type Placement =
  | { readonly kind: 'placed'; readonly decision: RouteDecision; readonly claim: AttemptClaim }
  | { readonly kind: 'busy'; readonly refusal: AppError };

/** Plans requests and keeps the live state of deployments. */
@Injectable()
export class RoutingService {
  /** Active policies. */
  readonly part: SnapshotPart<PolicyBook>;

  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly providers: ProvidersService,
    private readonly metering: MeteringService,
    private readonly board: CapacityBoard,
    private readonly shared: SharedCapacity,
    private readonly decisions: RouteDecisionRepository,
    policies: RoutePolicyRepository,
  ) {
    this.part = snapshots.register({
      name: 'routing',
      load: async (tx) => {
        const rows = await policies.findActive(tx);
        return { value: new PolicyBook(rows), rows };
      },
    });
    snapshots.onSwap((snapshot) => {
      board.keep(snapshot.get(providers.part).deployments);
    });
  }

  /** Ranks who may serve a request, with the reasons against everybody else. Nothing is sent, held or written.
   *  @throws AppError model_not_found, model_forbidden, no_eligible_provider, no_capacity, max_cost_exceeded,
   *  invalid_value — an unknown task, classification or place */
  plan(wish: RouteWish): RouteDecision {
    const { snapshot, principal, atMs, seed } = wish;
    const policy = snapshot.get(this.part).of(principal.orgId);
    const directory = snapshot.get(this.providers.part);
    const task = this.#taskOf(wish, policy);
    const request = routeRequest(wish, policy, task);
    const pool = choosePool({
      operation: wish.operation,
      model: wish.model,
      fallbacks: wish.fallbackModels ?? [],
      policy: policy.body,
      allModels: directory.models(),
      deploymentsOf: (model) => directory.byModel(model),
      entitledSimulated: principal.entitlements.simulated,
    });
    if (pool.mode === 'pinned') requireEntitled(principal, wish.model, pool.models);
    const prices = snapshot.get(this.metering.prices);
    const deployments = pool.models.flatMap((model) => directory.byModel(model)).slice(0, MAX_CANDIDATES);
    const candidates = deployments.map((deployment) => this.#candidate(deployment, wish, prices));
    const input = { request, policy: policy.body, pool, candidates, atMs, seed };
    return planRoute(input, { requestId: wish.requestId, policy: policy.label, snapshot: snapshot.hash });
  }

  /** Plans a call and takes the permit of its first attempt, so that calls of the same moment do not count on the same room. Takes
   *  nothing when `busy`; whoever gets a claim disposes of it. @throws AppError as {@link plan}, except no_capacity */
  place(wish: RouteWish): Placement {
    try {
      const decision = this.plan(wish);
      for (const { deployment } of decision.attempts) {
        const claim = this.board.claim(deployment, this.#ask(deployment, wish));
        if (claim !== undefined) return { kind: 'placed', decision, claim };
      }
      return { kind: 'busy', refusal: noRoom(wish.model) };
    } catch (error) {
      if (error instanceof AppError && mayWait(error, wish)) return { kind: 'busy', refusal: error };
      throw error;
    }
  }

  /** Calls `listener` whenever room that was taken is free again. It must not throw. */
  onFreed(listener: () => void): void {
    this.board.listen({ freed: listener });
  }

  /** The routing policy that an organisation's calls are made by. */
  policyOf(orgId: string, snapshot: ConfigSnapshot = this.snapshots.current()): RoutePolicyBody {
    return snapshot.get(this.part).of(orgId).body;
  }

  /** Writes decisions in the transaction of their intents. */
  async insertDecisions(tx: Tx, rows: readonly DecisionRow[]): Promise<void> {
    await this.decisions.insert(tx, rows);
  }

  /** The stored decision of a request of this organisation. */
  async findDecision(tx: Tx, orgId: string, requestId: string): Promise<DecisionRow | undefined> {
    return this.decisions.find(tx, orgId, requestId);
  }

  /** Where every deployment of the snapshot stands in this replica. */
  capacity(): readonly DeploymentCapacity[] {
    return this.#deployments().map((one) => this.board.capacity(one, this.providers.usableCredentials(one)));
  }

  /** Credentials of a deployment that had no outcome for `quietMs` or whose breaker is open: a probe would tell something. */
  quietCredentials(deployment: Deployment, quietMs: number): readonly (string | null)[] {
    return this.board.quiet(deployment, quietMs);
  }

  /** Whether this replica is to probe it in this round: where replicas share what they know, one of them does. */
  mayProbe(deployment: Deployment, credentialId: string | null, everyMs: number): Promise<boolean> {
    return this.shared.leaseProbe(deployment.id, credentialId, everyMs);
  }

  /** Tells the breaker of an unbilled probe. */
  probed(deployment: Deployment, credentialId: string | null, ok: boolean): void {
    this.board.probed(deployment, credentialId, ok);
    this.shared.probed(deployment.id, credentialId, ok);
  }

  /** Names of credentials by their ids, of the snapshot in force. */
  credentialNames(): (id: string) => string | null {
    const { credentials } = this.snapshots.current().get(this.providers.part);
    return (id) => credentials.get(id)?.name ?? null;
  }

  /** What works with less than it could: `redis` while replicas cannot tell each other what they know. */
  degraded(): readonly string[] {
    return this.shared.isAway ? ['redis'] : [];
  }

  /** Calls `listener` when a breaker lets something else through. */
  onBreakerChange(listener: (change: BreakerChange) => void): void {
    this.board.listen({ breakerChanged: listener });
  }

  /** Names that `GET /v1/models` adds for aliases of an organisation. */
  aliases(orgId: string, snapshot: ConfigSnapshot = this.snapshots.current()): readonly string[] {
    return Object.keys(snapshot.get(this.part).of(orgId).body.aliases).sort();
  }

  /** `auto` and every `auto/<task>`, with the tasks of the organisation's own when one is named. */
  autoModels(orgId?: string): readonly string[] {
    const own = orgId === undefined ? [] : this.snapshots.current().get(this.part).of(orgId).ownTasks;
    return ['auto', ...new Set<string>([...TASKS, ...own])].map((name) => (name === 'auto' ? name : `auto/${name}`));
  }

  /** Attempts that were answered by a partner since this replica started. Only grows. */
  servedAttempts(): number {
    return this.board.served;
  }

  #deployments(): readonly Deployment[] {
    return this.snapshots.current().get(this.providers.part).deployments;
  }

  #taskOf(wish: RouteWish, policy: PolicyInForce): Task {
    return determineTask({
      wished: wish.wish.task,
      byHeader: wish.wish.taskByHeader,
      model: wish.model,
      request: wish.request,
      own: policy.ownTasks,
    });
  }

  #candidate(deployment: Deployment, wish: RouteWish, prices: PriceBook): Candidate {
    const gaps = this.providers.gaps(wish.request, deployment).map(({ member }) => member);
    const inputTimes = this.providers.inputTimes(wish.request, deployment);
    const priced = priceOf(deployment, wish, { prices, inputTimes });
    return { deployment, gaps, ...priced, live: this.board.live(deployment, this.#ask(deployment, wish)) };
  }

  #ask(deployment: Deployment, { atMs, facts, operation, criticality = 'critical' }: RouteWish): ClaimAsk {
    const credentialIds = this.providers.usableCredentials(deployment);
    const outputTokens = operation === 'embeddings' ? 0 : facts.outputBound;
    return { atMs, credentialIds, inputTokens: facts.inputTokens, outputTokens, criticality };
  }
}

/** Whether a call without capacity may find some soon. Paused partners refuse at once; so do limits that reset too late. */
function mayWait({ code, facts }: AppError, { atMs, deadlineAtMs = Infinity }: RouteWish): boolean {
  if (code !== 'no_capacity') return false;
  const lastMs = Math.min(deadlineAtMs, atMs + LONGEST_WAIT_MS);
  const rejected = (facts.aip?.['rejected'] ?? []) as RouteDecision['rejected'];
  return rejected.some(
    ({ reason, resetsAt }) => reason === 'upstream_limit' && (resetsAt === undefined || Date.parse(resetsAt) <= lastMs),
  );
}

function noRoom(model: string): AppError {
  return new AppError(
    'no_capacity',
    `What is left of the capacity for ${model.slice(0, 100)} is kept for more critical calls. Try again.`,
    { retryAfterSeconds: 1 },
  );
}

/** Whether the meters that every call reports have a price. */
function hasPrices(quote: PriceQuote, operation: RouteWish['operation']): boolean {
  return quote.amounts.input !== undefined && (operation === 'embeddings' || quote.amounts.output !== undefined);
}

function priceOf(
  deployment: Deployment,
  { request, operation, facts, atMs }: RouteWish,
  { prices, inputTimes }: { readonly prices: PriceBook; readonly inputTimes: number },
): { quote: PriceQuote | undefined; expected: PicoUsd | null; worst: PicoUsd | null } {
  const tier = typeof request['service_tier'] === 'string' ? request['service_tier'] : undefined;
  const { vendor, upstreamModel: model, region } = deployment;
  const quote = prices.quote({ vendor, model, region, tier, atMs, inputTokens: facts.inputTokens });
  const quotes = prices.quotesUpTo({ vendor, model, region, tier, atMs, inputTokens: facts.inputBound });
  const known = quote?.currency === deployment.currency && [quote, ...quotes].every((one) => hasPrices(one, operation));
  if (!known) return { quote: undefined, expected: null, worst: null };
  const n = choicesOf(request);
  const outputBound = operation === 'embeddings' ? 0 : outputBoundAt(deployment.capabilities, facts.outputBound);
  return {
    quote,
    expected: expectedCost(quote, {
      inputTokens: facts.inputTokens * inputTimes,
      outputTokens: Math.min(outputBound, USUAL_OUTPUT) * n,
    }),
    worst: worstCase([quote, ...quotes], { inputBound: facts.inputBound * inputTimes, outputBound, n }),
  };
}

/** Puts defaults of the policy under the wishes. @throws AppError model_forbidden — tier; invalid_value — classification */
function routeRequest(wish: RouteWish, policy: PolicyInForce, task: Task): RouteRequest {
  const { entitlements } = wish.principal;
  const defaults = Object.hasOwn(policy.body.taskDefaults, task.value)
    ? policy.body.taskDefaults[task.value]
    : undefined;
  const requires = [...new Set([...(defaults?.requires ?? []), ...(wish.wish.requires ?? [])])];
  requireClassification(wish.wish.classification, policy);
  return {
    operation: wish.operation,
    model: wish.model,
    task,
    tier: tierOf(wish.wish.tier, defaults?.tier ?? policy.body.defaultTier, entitlements.maxTier),
    wish: requires.length === 0 ? wish.wish : { ...wish.wish, requires },
    facts: wish.facts,
    entitlements,
  };
}

function tierOf(wished: Tier | undefined, usual: Tier, most: Tier): Tier {
  const above = (tier: Tier): boolean => TIERS.indexOf(tier) > TIERS.indexOf(most);
  if (wished === undefined) return above(usual) ? most : usual;
  if (!above(wished)) return wished;
  throw new AppError('model_forbidden', `This credential may ask for the tier ${most} at most, not ${wished}.`, {
    param: 'aip.routing.tier',
  });
}

function requireClassification(label: string | undefined, { body }: PolicyInForce): void {
  if (label === undefined || body.classifications.includes(label)) return;
  const known =
    body.classifications.length === 0
      ? 'The routing policy names none yet'
      : `Known: ${body.classifications.join(', ')}`;
  throw new AppError('invalid_value', `There is no classification ${label.slice(0, 60)}. ${known}.`, {
    param: 'aip.classification',
  });
}

/** @throws AppError model_forbidden — the caller named a model that its credential does not allow */
function requireEntitled(principal: Principal, named: string, models: readonly string[]): void {
  const allowed = principal.entitlements.models;
  if (allowed === null || allowed.includes(named) || models.some((model) => allowed.includes(model))) return;
  throw new AppError('model_forbidden', `This credential may not use ${named}. GET /v1/models lists what it may use.`, {
    param: 'model',
  });
}
