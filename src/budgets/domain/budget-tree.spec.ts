import { describe, expect, it } from '@jest/globals';

import { picoUsd } from '../../platform/money/index.js';
import type { Attribution } from '../../platform/security/index.js';
import type { Budget } from './budget.js';
import { BudgetTree, type MatchWish } from './budget-tree.js';
import { DEFAULT_THRESHOLDS } from './thresholds.js';

const who: Attribution = {
  orgId: 'o',
  teamId: 't',
  userId: 'u',
  keyId: 'k',
  investigationId: 'i',
  operationId: null,
};
const wish: MatchWish = {
  attribution: who,
  criticality: 'critical',
  deployment: { providerId: 'p', model: 'm' },
  currency: 'USD',
};

function aBudget(id: string, fields: Partial<Budget>): Budget {
  return {
    id,
    orgId: 'o',
    name: id,
    scope: { type: 'ORGANISATION', id: 'o' },
    each: null,
    match: { providers: null, models: null, criticalities: null },
    metric: 'COST',
    currency: 'USD',
    enforcement: 'HARD',
    onExhausted: 'BLOCK',
    carveOutBp: 0,
    timeZone: 'UTC',
    weekStart: 1,
    includePast: true,
    managedBy: 'ui',
    state: 'active',
    version: 1,
    createdAtMs: 0,
    limits: [
      {
        id: `${id}-l`,
        period: 'MONTH',
        amount: picoUsd(1n),
        custom: null,
        rollover: false,
        thresholds: DEFAULT_THRESHOLDS,
      },
    ],
    ...fields,
  };
}
const found = (budgets: readonly Budget[], more: Partial<MatchWish> = {}): string[] =>
  new BudgetTree(budgets).matching({ ...wish, ...more }).map(({ budget }) => budget.id);

describe('BudgetTree', () => {
  it('finds the budgets of every level at once', () => {
    const levels = [
      aBudget('org', {}),
      aBudget('team', { scope: { type: 'TEAM', id: 't' } }),
      aBudget('user', { scope: { type: 'USER', id: 'u' } }),
      aBudget('case', { scope: { type: 'INVESTIGATION', id: 'i' } }),
      aBudget('key', { scope: { type: 'KEY', id: 'k' } }),
      aBudget('provider', { scope: { type: 'PROVIDER', id: 'p' } }),
      aBudget('model', { scope: { type: 'MODEL', id: 'm' } }),
    ];
    expect(new Set(found(levels))).toEqual(new Set(levels.map(({ id }) => id)));
  });

  it('currencies never meet', () => {
    expect(found([aBudget('usd', {}), aBudget('xts', { currency: 'XTS' })], { currency: 'XTS' })).toEqual(['xts']);
  });

  it('leaves other organisations, scopes, archived budgets and unmatched calls alone', () => {
    expect(
      found([
        aBudget('a', { orgId: 'other' }),
        aBudget('b', { scope: { type: 'TEAM', id: 'other' } }),
        aBudget('c', { state: 'archived' }),
        aBudget('d', { match: { providers: ['q'], models: null, criticalities: null } }),
        aBudget('e', { match: { providers: null, models: null, criticalities: ['sheddable'] } }),
        aBudget('f', { scope: { type: 'OPERATION', id: 'x' } }),
      ]),
    ).toEqual([]);
  });

  it('gives each member a subject of its own, and none where the call has none', () => {
    const tree = new BudgetTree([aBudget('each', { each: 'USER' }), aBudget('none', { each: 'OPERATION' })]);
    expect(tree.matching(wish).map(({ subject }) => subject)).toEqual(['USER:u']);
  });
});
