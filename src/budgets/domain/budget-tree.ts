import type { Attribution, Criticality } from '../../platform/security/index.js';
import type { Budget, BudgetLimit, EachType, ScopeType } from './budget.js';
import { windowAt, type Window } from './window-at.js';

/** Who calls and what with, as far as budgets care. */
export interface MatchWish {
  readonly attribution: Attribution;
  readonly criticality: Criticality;
  readonly deployment: { readonly providerId: string; readonly model: string };
  readonly currency: string;
}

/** A limit that applies to a call, and whose balance it is. */
export interface MatchedLimit {
  readonly budget: Budget;
  readonly limit: BudgetLimit;
  /** `''`, or `USER:<id>` and the like for budgets with a balance for each. */
  readonly subject: string;
  /** Remembers the last window: consecutive calls nearly always share it. */
  readonly windows: WindowMemo;
}

/** The windows of one limit; computed on use, never reset. */
export class WindowMemo {
  #last: Window | undefined;

  constructor(
    private readonly budget: Pick<Budget, 'timeZone' | 'weekStart'>,
    private readonly limit: Pick<BudgetLimit, 'period' | 'custom'>,
  ) {}

  at(atMs: number): Window | undefined {
    const last = this.#last;
    if (last !== undefined && last.startsAtMs <= atMs && atMs < last.endsAtMs) return last;
    const { timeZone, weekStart } = this.budget;
    this.#last = windowAt({ timeZone, weekStart, period: this.limit.period, custom: this.limit.custom }, atMs);
    return this.#last;
  }
}

interface Entry {
  readonly budget: Budget;
  readonly limits: readonly { readonly limit: BudgetLimit; readonly windows: WindowMemo }[];
}

/** The active budgets of a configuration, found by scope. Immutable but for the memory of windows. */
export class BudgetTree {
  readonly #byScope = new Map<string, Entry[]>();
  readonly #byId = new Map<string, Budget>();
  readonly #byLimit = new Map<string, { readonly budget: Budget; readonly limit: BudgetLimit }>();

  constructor(budgets: Iterable<Budget>) {
    for (const budget of budgets) {
      if (budget.state !== 'active') continue;
      const limits = budget.limits.map((limit) => ({ limit, windows: new WindowMemo(budget, limit) }));
      const key = keyOf(budget.orgId, budget.scope.type, budget.scope.id);
      const known = this.#byScope.get(key);
      if (known === undefined) this.#byScope.set(key, [{ budget, limits }]);
      else known.push({ budget, limits });
      this.#byId.set(budget.id, budget);
      for (const limit of budget.limits) this.#byLimit.set(limit.id, { budget, limit });
    }
  }

  byId(id: string): Budget | undefined {
    return this.#byId.get(id);
  }

  /** An active budget's limit with its budget. */
  limit(id: string): { readonly budget: Budget; readonly limit: BudgetLimit } | undefined {
    return this.#byLimit.get(id);
  }

  /** Every limit of every budget that a call at one deployment falls under; never one instead of another. Budgets of
   *  another currency never match. */
  matching(wish: MatchWish): readonly MatchedLimit[] {
    const found: MatchedLimit[] = [];
    for (const [type, id] of scopesOf(wish)) {
      if (id === null) continue;
      for (const entry of this.#byScope.get(keyOf(wish.attribution.orgId, type, id)) ?? []) {
        if (!fits(entry.budget, wish)) continue;
        const subject = subjectOf(entry.budget.each, wish.attribution);
        if (subject === undefined) continue;
        for (const { limit, windows } of entry.limits) found.push({ budget: entry.budget, limit, subject, windows });
      }
    }
    return found;
  }
}

function keyOf(orgId: string, type: ScopeType, id: string): string {
  return `${orgId}|${type}|${id}`;
}

function scopesOf({ attribution, deployment }: MatchWish): readonly (readonly [ScopeType, string | null])[] {
  return [
    ['ORGANISATION', attribution.orgId],
    ['TEAM', attribution.teamId],
    ['USER', attribution.userId],
    ['INVESTIGATION', attribution.investigationId],
    ['OPERATION', attribution.operationId],
    ['KEY', attribution.keyId],
    ['PROVIDER', deployment.providerId],
    ['MODEL', deployment.model],
  ];
}

function fits({ currency, match }: Budget, wish: MatchWish): boolean {
  return (
    currency === wish.currency &&
    (match.providers?.includes(wish.deployment.providerId) ?? true) &&
    (match.models?.includes(wish.deployment.model) ?? true) &&
    (match.criticalities?.includes(wish.criticality) ?? true)
  );
}

const EACH_MEMBER = {
  TEAM: 'teamId',
  USER: 'userId',
  INVESTIGATION: 'investigationId',
  OPERATION: 'operationId',
  KEY: 'keyId',
} as const satisfies Record<EachType, keyof Attribution>;

/** `undefined`: the call has no such subject, so the budget has no balance for it. */
function subjectOf(each: EachType | null, attribution: Attribution): string | undefined {
  if (each === null) return '';
  const id = attribution[EACH_MEMBER[each]];
  return id === null ? undefined : `${each}:${id}`;
}
