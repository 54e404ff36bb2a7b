import type { PriceQuote } from '../../metering/index.js';
import type { Money, PicoUsd } from '../../platform/money/index.js';
import type { Entitlements, Tier } from '../../platform/security/index.js';
import type { Deployment } from '../../providers/index.js';
import type { RequestQuality } from './quality/request-quality.js';
import type { RoutePolicyBody } from './route-policy.js';
import type { Task } from './route-decision.js';

/** What the caller wishes beside the model; everything is optional and only narrows. Source: routing page §1. */
export interface RoutingWish {
  readonly task?: string | undefined;
  /** Whether `task` came by header; only the record cares. */
  readonly taskByHeader?: boolean | undefined;
  readonly tier?: Tier | undefined;
  /** 0…1. */
  readonly minQuality?: number | undefined;
  readonly maxCost?: Money | undefined;
  readonly maxLatencyMs?: number | undefined;
  readonly jurisdictions?: readonly string[] | undefined;
  readonly zeroRetention?: boolean | undefined;
  readonly classification?: string | undefined;
  /** Provider names. */
  readonly providersAllow?: readonly string[] | undefined;
  readonly providersDeny?: readonly string[] | undefined;
  /** Capability names of the providers page. */
  readonly requires?: readonly string[] | undefined;
  readonly minContext?: number | undefined;
  /** ≤ 128 characters. */
  readonly sessionKey?: string | undefined;
}

/** Sizes of the request, counted by the gateway. */
export interface RequestFacts {
  /** Estimate, for prices and order. */
  readonly inputTokens: number;
  /** No request of these bytes has more input tokens. */
  readonly inputBound: number;
  /** Output tokens that will be sent as the maximum. */
  readonly outputBound: number;
  /** True when the caller named the maximum; else a model with a smaller one gets its own. */
  readonly outputNamed?: boolean;
}

/** Everything about a request that decides its route. */
export interface RouteRequest {
  readonly operation: 'chat' | 'embeddings';
  /** As the caller named it. */
  readonly model: string;
  readonly task: Task;
  readonly tier: Tier;
  readonly wish: RoutingWish;
  readonly facts: RequestFacts;
  readonly entitlements: Pick<Entitlements, 'models' | 'simulated'>;
}

/** Live state of a deployment in this replica. */
export interface LiveDeployment {
  /** Why the gate would refuse now; null: it would not. */
  readonly refusal: 'breaker_open' | 'upstream_limit' | null;
  /** When a refusal may pass; null: unknown. */
  readonly retryAtMs: number | null;
  /** The provider refused every recent credential. */
  readonly credentialRefused: boolean;
  /** Free concurrency. */
  readonly permits: number;
  /** Smallest share of a limit that is left after this call, 0…1; 1 when no limit is known. */
  readonly headroom: number;
  /** Tokens that the reported limits leave; null: unknown. */
  readonly tokensLeft: number | null;
  /** Share of its traffic that a recovering deployment takes, 0…1. */
  readonly ramp: number;
  /** Smoothed; null: never measured. */
  readonly ttftMs: number | null;
  /** Predicted time of a whole answer that 95 % stay under; null: never measured. */
  readonly p95Ms: number | null;
}

/** A deployment with what this request makes of it. */
export interface Candidate {
  readonly deployment: Deployment;
  /** Names of what the request uses and the deployment cannot honour. */
  readonly gaps: readonly string[];
  /** Undefined: a meter it can report has no price. */
  readonly quote: PriceQuote | undefined;
  readonly expected: PicoUsd | null;
  readonly worst: PicoUsd | null;
  readonly live: LiveDeployment;
}

/** Models that a request may be served by. */
export interface ModelPool {
  readonly mode: 'route' | 'pinned';
  /** In the caller's or the alias's order; by name for `route`. */
  readonly models: readonly string[];
  /** Whether the order of `models` is a preference. */
  readonly ordered: boolean;
  /** Which world the plan is made in; the two never meet in one plan. */
  readonly simulated: boolean;
}

/** Input of the pure decision. */
export interface PlanInput {
  readonly request: RouteRequest;
  readonly policy: RoutePolicyBody;
  readonly pool: ModelPool;
  readonly candidates: readonly Candidate[];
  /** Absent: the policy names no baseline for the task, so quality takes no part. */
  readonly quality?: RequestQuality | undefined;
  readonly atMs: number;
  /** Any 32-bit integer; draws among equals. */
  readonly seed: number;
}

/** Identity of a decision's record beside its input. */
export interface DecisionNames {
  readonly requestId: string;
  readonly policy: string;
  /** Hash of the configuration snapshot. */
  readonly snapshot: string;
}
