import type { PriceQuote } from '../../metering/index.js';
import type { PicoUsd } from '../../platform/money/index.js';
import type { Tier } from '../../platform/security/index.js';
import type { Deployment } from '../../providers/index.js';
import type { QualityEvidence } from './quality/choose-by-quality.js';
import type { ModelQuality } from './quality/request-quality.js';

/** Why a candidate is out, in the order in which reasons are recorded. Source: routing page §3, step 1. */
export const REASONS = [
  'not_allowed',
  'excluded',
  'jurisdiction',
  'classification',
  'retention',
  'capability',
  'context_window',
  'price_unknown',
  'simulated',
  'disabled',
  'deprecated',
  'credential',
  'max_cost',
  'max_latency',
  'quality',
  'draining',
  'breaker_open',
  'upstream_limit',
  'budget',
] as const;

/** One of {@link REASONS}. */
export type ReasonCode = (typeof REASONS)[number];

/** Reasons that pass by themselves. */
export const TRANSIENT: ReadonlySet<ReasonCode> = new Set(['draining', 'breaker_open', 'upstream_limit']);

/** One reason against one candidate; `detail` is a name from configuration or a closed list, never a caller's text. */
export interface Rejection {
  readonly reason: ReasonCode;
  readonly detail: string;
}

/** One place in the plan. Costs are in the quote's currency. */
export interface Ranked {
  readonly deployment: Deployment;
  readonly model: string;
  readonly quote: PriceQuote;
  readonly expected: PicoUsd;
  readonly worst: PicoUsd;
  /** Null while no quality is known for the task. */
  readonly utility: number | null;
}

/** What was found out about one deployment. */
export interface DeploymentVerdict {
  readonly id: string;
  readonly providerName: string;
  readonly status: 'placed' | 'eligible' | 'rejected';
  /** Every reason that holds, in the order of {@link REASONS}; empty unless rejected. */
  readonly rejections: readonly Rejection[];
  /** Null: it has no price. */
  readonly expected: PicoUsd | null;
  /** ISO 4217. */
  readonly currency: string;
  /** Share of the calls that it takes among equals, as configured. */
  readonly weight: number;
  readonly permits: number;
  readonly headroom: number;
  readonly ramp: number;
  readonly ttftMs: number | null;
  /** When a transient rejection may pass; null: unknown, or there is none. */
  readonly retryAtMs: number | null;
}

/** What was found out about one model; `expected` and `worst` are those of its cheapest eligible deployment. */
export interface CandidateVerdict {
  readonly model: string;
  readonly status: 'chosen' | 'eligible' | 'rejected';
  readonly reasons: readonly ReasonCode[];
  readonly lostBy: 'cost' | 'quality' | 'order' | 'tie' | null;
  readonly expected: PicoUsd | null;
  readonly worst: PicoUsd | null;
  readonly currency: string | null;
  /** What was known of it in this task; null: quality took no part, or nothing is known. */
  readonly quality: ModelQuality | null;
  /** By which it was ranked; null: it was not. */
  readonly utility: number | null;
  readonly deployments: readonly DeploymentVerdict[];
}

/** The rule that chose. `cheapest`: among all that pass the hard filters; `order`: the caller's or the alias's order; `floor`:
 *  cheapest whose quality surely suffices; `target`: most quality for its cost; `baseline`: the model that others are measured by.
 *  The latter three name that model, why the chosen one may serve, and the share of the quality that was asked for. */
export type Basis =
  | { readonly rule: 'cheapest' | 'order' }
  | {
      readonly rule: 'floor' | 'target' | 'baseline';
      readonly baseline: string | null;
      readonly evidence: QualityEvidence | null;
      readonly target: number;
    };

/** The mode that ran. `pinned`: the caller named the model. */
export type Mode = 'route' | 'pinned';

/** From where the task is known. */
export type TaskSource = 'header' | 'body' | 'model' | 'key' | 'alias' | 'rules' | 'default';

/** What kind of work a request is. */
export interface Task {
  readonly value: string;
  readonly source: TaskSource;
}

/** The record of a decision: canonical JSON and its SHA-256. */
export interface DecisionDigest {
  /** RFC 8785 bytes. */
  readonly body: Buffer;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

/** A rejection as callers see it; `resetsAt`: when it may pass, RFC 3339. */
export interface ShownRejection {
  readonly provider: string;
  readonly model: string;
  readonly reason: ReasonCode;
  readonly resetsAt?: string;
}

/** A ranked plan with the reasons against everything else. */
export interface RouteDecision {
  /** 1…8, in the order in which they are tried. */
  readonly attempts: readonly Ranked[];
  readonly candidates: readonly CandidateVerdict[];
  readonly basis: Basis;
  readonly mode: Mode;
  readonly task: Task;
  readonly tier: Tier;
  readonly seed: number;
  /** The flat list for callers, at most 50: `aip.rejected`. */
  readonly rejected: readonly ShownRejection[];
  /** Made once, on first use. */
  digest(): DecisionDigest;
}
