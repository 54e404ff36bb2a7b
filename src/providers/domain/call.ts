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
}

/** Most candidates that one call looks at, and most attempts it makes. */
export const MAX_CANDIDATES = 8;
export const MAX_ATTEMPTS = 4;
