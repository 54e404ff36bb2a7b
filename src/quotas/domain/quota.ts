import type { Attribution } from '../../platform/security/index.js';

/** Kinds of callers a limit can be set on. `SERVICE` is a user of kind service. */
export const SUBJECT_TYPES = ['USER', 'TEAM', 'KEY', 'SERVICE'] as const;

/** One of {@link SUBJECT_TYPES}. */
export type SubjectType = (typeof SUBJECT_TYPES)[number];

/** What a quota counts. */
export const METRICS = ['REQUESTS', 'TOKENS', 'CONCURRENCY'] as const;

/** One of {@link METRICS}. */
export type QuotaMetric = (typeof METRICS)[number];

/** On whom a quota lies. `id: null` means each subject of this type, every one with its own allowance. */
export interface QuotaSubject {
  readonly type: SubjectType;
  readonly id: string | null;
}

/** A limit on callers. REQUESTS and TOKENS flow back evenly over `windowSeconds`; CONCURRENCY counts running requests. */
export interface QuotaPolicy {
  readonly id: string;
  readonly orgId: string;
  /** Unique in the organisation; lower case, fits a header: `user-tpm`. */
  readonly name: string;
  readonly subject: QuotaSubject;
  readonly metric: QuotaMetric;
  /** Whole, 1…10¹²: per window, or at once for CONCURRENCY. */
  readonly limit: number;
  /** 1…2 678 400; 0 for CONCURRENCY. */
  readonly windowSeconds: number;
  /** What may come at once, 1…10¹²; in no window more than limit + burst pass. Equals `limit` for CONCURRENCY. */
  readonly burst: number;
  /** Public model names; null: every model. A call to `auto` counts, since it may end at any of them. */
  readonly models: readonly string[] | null;
  readonly managedBy: 'ui' | 'file';
  readonly version: number;
}

/** Whose allowances are meant: the facts of an {@link Attribution} that quotas look at, and the kind of user. */
export type QuotaHolder = Pick<Attribution, 'orgId' | 'userId' | 'teamId' | 'keyId'> & {
  readonly kind: 'user' | 'service';
};

/** The id a policy of this type counts under for this holder; null when the holder is no such subject. */
export function subjectIdOf(type: SubjectType, holder: QuotaHolder): string | null {
  switch (type) {
    case 'USER':
      return holder.kind === 'user' ? holder.userId : null;
    case 'SERVICE':
      return holder.kind === 'service' ? holder.userId : null;
    case 'TEAM':
      return holder.teamId;
    case 'KEY':
      return holder.keyId;
  }
}

/** Whether a policy limits calls to `model` (a public name, an alias, `auto` or `auto/<task>`). */
export function limitsModel(policy: QuotaPolicy, model: string | null): boolean {
  if (policy.models === null || model === null) return true;
  return model === 'auto' || model.startsWith('auto/') || policy.models.includes(model);
}
