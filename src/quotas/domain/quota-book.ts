import type { Principal } from '../../platform/security/index.js';
import { covers, stateAt, type Override, type OverrideLimits } from './override.js';
import {
  limitsModel,
  SUBJECT_TYPES,
  subjectIdOf,
  type QuotaHolder,
  type QuotaMetric,
  type QuotaPolicy,
} from './quota.js';

/** A policy that limits a call, with the subject it counts under. */
export interface MatchedQuota {
  readonly policy: QuotaPolicy;
  readonly subjectId: string;
}

const key = (orgId: string, type: string, id: string | null): string => `${orgId}|${type}|${id ?? '*'}`;

/** Group by a text key, keeping order. */
function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** All quota policies and open overrides of a snapshot, indexed by subject. Immutable. */
export class QuotaBook {
  readonly #policies: ReadonlyMap<string, readonly QuotaPolicy[]>;
  readonly #overrides: ReadonlyMap<string, readonly Override[]>;

  constructor(
    readonly policies: readonly QuotaPolicy[],
    readonly overrides: readonly Override[],
  ) {
    this.#policies = grouped(policies, ({ orgId, subject }) => key(orgId, subject.type, subject.id));
    this.#overrides = grouped(overrides, ({ orgId, subject }) => key(orgId, subject.type, subject.id));
  }

  /** Every policy that limits `holder` when it calls `model`; `model: null` asks for all of the holder's policies. */
  matching(holder: QuotaHolder, model: string | null): readonly MatchedQuota[] {
    const found: MatchedQuota[] = [];
    for (const type of SUBJECT_TYPES) {
      const subjectId = subjectIdOf(type, holder);
      if (subjectId === null) continue;
      for (const id of [subjectId, null]) {
        for (const policy of this.#policies.get(key(holder.orgId, type, id)) ?? []) {
          if (limitsModel(policy, model)) found.push({ policy, subjectId });
        }
      }
    }
    return found;
  }

  /** Overrides in force for `holder` at this instant. */
  overridesOf(holder: QuotaHolder, atMs: number): readonly Override[] {
    if (this.#overrides.size === 0) return [];
    const found: Override[] = [];
    for (const type of SUBJECT_TYPES) {
      const subjectId = subjectIdOf(type, holder);
      if (subjectId === null) continue;
      for (const override of this.#overrides.get(key(holder.orgId, type, subjectId)) ?? []) {
        if (covers(override, holder) && stateAt(override, atMs) === 'ACTIVE') found.push(override);
      }
    }
    return found;
  }
}

const LIMIT_OF: Readonly<Record<QuotaMetric, keyof OverrideLimits>> = {
  REQUESTS: 'requests',
  TOKENS: 'tokens',
  CONCURRENCY: 'concurrency',
};

/** Units that overrides add to a limit of this metric. */
export function extraOf(metric: QuotaMetric, overrides: readonly Override[]): number {
  let extra = 0;
  for (const { limits } of overrides) extra += limits[LIMIT_OF[metric]];
  return extra;
}

/** The subject facts of a call: whom it is for, from its attribution, and what kind of user its principal is. */
export function holderOf(
  attribution: {
    readonly orgId: string;
    readonly userId: string;
    readonly teamId: string | null;
    readonly keyId: string | null;
  },
  kind: Principal['kind'],
): QuotaHolder {
  return {
    orgId: attribution.orgId,
    userId: attribution.userId,
    teamId: attribution.teamId,
    keyId: attribution.keyId,
    kind,
  };
}
