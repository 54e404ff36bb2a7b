import { formatInstant } from '../../platform/clock/index.js';
import { formatUnits } from '../domain/units.js';
import type { BudgetView } from '../domain/window-view.js';

/** A budget as REST shows it: COST amounts as 12-decimal text, counts as whole numbers in text. */
export interface BudgetModel {
  readonly id: string;
  readonly name: string;
  readonly scope: { readonly type: string; readonly id: string };
  readonly each: string | null;
  readonly match: object;
  readonly metric: string;
  readonly currency: string;
  readonly enforcement: string;
  readonly onExhausted: string;
  readonly carveOutBp: number;
  readonly timeZone: string;
  readonly state: string;
  readonly version: number;
  readonly createdAt: string;
  readonly limits: readonly {
    readonly id: string;
    readonly period: string;
    readonly amount: string;
    readonly rollover: boolean;
  }[];
  readonly windows: readonly {
    readonly id: string;
    readonly subject: string | null;
    readonly period: string;
    readonly startsAt: string;
    readonly endsAt: string;
    readonly limit: string;
    readonly extra: string;
    readonly posted: string;
    readonly held: string;
    readonly available: string;
    readonly state: string;
  }[];
}

export function toBudgetModel({ budget, windows }: BudgetView): BudgetModel {
  const { metric } = budget;
  return {
    id: budget.id,
    name: budget.name,
    scope: budget.scope,
    each: budget.each,
    match: budget.match,
    metric,
    currency: budget.currency,
    enforcement: budget.enforcement,
    onExhausted: budget.onExhausted,
    carveOutBp: budget.carveOutBp,
    timeZone: budget.timeZone,
    state: budget.state,
    version: budget.version,
    createdAt: formatInstant(budget.createdAtMs),
    limits: budget.limits.map(({ id, period, amount, rollover }) => ({
      id,
      period,
      amount: formatUnits(metric, amount),
      rollover,
    })),
    windows: windows.map((window) => ({
      id: window.id,
      subject: window.subject,
      period: window.period,
      startsAt: formatInstant(window.startsAtMs),
      endsAt: formatInstant(window.endsAtMs),
      limit: formatUnits(metric, window.limit),
      extra: formatUnits(metric, window.extra),
      posted: formatUnits(metric, window.posted),
      held: formatUnits(metric, window.held),
      available: formatUnits(metric, window.available),
      state: window.state,
    })),
  };
}
