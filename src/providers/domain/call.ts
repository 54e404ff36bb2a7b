import type { Criticality } from '../../platform/security/index.js';
import type { AttemptClaim } from '../attempt-gate.js';
import type { AttemptRecord } from './attempt.js';
import type { Deployment } from './deployment.js';

/** What is asked of providers on behalf of one request. */
export interface CallInput {
  readonly requestId: string;
  readonly operation: 'chat' | 'embeddings';
  /** The parsed body of the caller; read, never changed. */
  readonly request: Readonly<Record<string, unknown>>;
  /** 1…8 deployments in the order in which they are tried, all of one snapshot. */
  readonly plan: readonly Deployment[];
  /** Output tokens that the hold covers. */
  readonly outputBound: number;
  /** Pseudonym of the user, never a name. */
  readonly endUser: string;
  /** Wall clock. No attempt begins or goes on after it. */
  readonly deadlineAtMs: number;
  /** 1…4. */
  readonly maxAttempts: number;
  /** Places the plan was restricted to (ISO 3166-1 alpha-2, `EU`, `EEA`); checked again at dispatch. Absent: anywhere. */
  readonly jurisdictions?: readonly string[] | null;
  /** Absent: {@link PLAIN_RULES}. */
  readonly rules?: CallRules;
  /** Whether the next attempt is covered by what is held, after those made so far; asked before every attempt but the first one
   *  and a hedge, which are held for beforehand. False: the candidate is passed over. Absent: always. */
  readonly covers?: (attempts: readonly AttemptRecord[], next: Deployment) => boolean | Promise<boolean>;
  /** What the call takes of partners' limits. Absent: nothing is known of its size. */
  readonly load?: CallLoad;
}

/** What a call takes of partners' limits, and what it may take. */
export interface CallLoad {
  /** Estimate of the whole prompt. */
  readonly inputTokens: number;
  readonly criticality: Criticality;
  /** A permit that was taken for its first attempt. */
  readonly claim: AttemptClaim | null;
}

/** What a routing policy says about attempts, beyond their order. */
export interface CallRules {
  /** What may leave first. `any`: reasoning too; `content`: reasoning is held back as well, so that a fault after it can still be
   *  answered by another candidate; `default`: `content` for tools at vendors that are known to fail after reasoning, else `any`. */
  readonly commitOn: 'default' | 'any' | 'content';
  /** What a provider's refusal of the content leads to: the refusal as answer, or the next model of the plan. */
  readonly onRefusal: 'return' | 'fallback';
  /** What a break after the first delta leads to: an explicit error, or another provider that carries on where it broke. */
  readonly onCut: 'end' | 'continue';
  /** Null: never. */
  readonly hedge: HedgeRule | null;
}

/** A second attempt at another provider, while the first one is late. The hold covers both. */
export interface HedgeRule {
  /** Whose share is counted: an organisation. */
  readonly account: string;
  /** Most that hedges of this account may cost per day, 10⁻¹² of the plan's currency; worst cases are counted. */
  readonly dailyLimit: bigint;
  /** Worst case of one attempt at a deployment of the plan, by deployment id. */
  readonly worst: ReadonlyMap<string, bigint>;
}

/** What holds when the policy says nothing. */
export const PLAIN_RULES: CallRules = { commitOn: 'default', onRefusal: 'return', onCut: 'end', hedge: null };

/** Most candidates that one call looks at, and most attempts it makes. */
export const MAX_CANDIDATES = 8;
export const MAX_ATTEMPTS = 4;
