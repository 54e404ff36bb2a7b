import { ZERO, picoUsd, type PicoUsd } from '../../platform/money/index.js';
import type { Budget, BudgetLimit, Period } from './budget.js';
import { writeThreshold, type ThresholdText } from './thresholds.js';
import { windowAt } from './window-at.js';

/** How a window looks to a person. */
export type WindowStateName = 'OK' | 'WARNING' | 'CRITICAL' | 'EXHAUSTED';

/** A limit's present window. Amounts in the budget's metric. */
export interface WindowView {
  /** Limit id and subject: stable over windows. */
  readonly id: string;
  readonly subject: string | null;
  readonly period: Period;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  /** What may be used: the limit with `extra`. */
  readonly limit: PicoUsd;
  /** What overrides and the window before added. */
  readonly extra: PicoUsd;
  readonly posted: PicoUsd;
  readonly held: PicoUsd;
  readonly available: PicoUsd;
  readonly state: WindowStateName;
  readonly thresholds: readonly ThresholdView[];
}

/** A threshold of a window; `sinceMs` is null while it is quiet. */
export type ThresholdView = Required<ThresholdText> & { readonly firing: boolean; readonly sinceMs: number | null };

/** Since when thresholds of a balance fire, by threshold id. */
export type Firing = ReadonlyMap<string, number>;

/** A budget with its present windows. */
export interface BudgetView {
  readonly budget: Budget;
  readonly windows: readonly WindowView[];
}

const WARNING_PERCENT = 80n;
const CRITICAL_PERCENT = 95n;
const PERCENT = 100n;

function stateOf(limit: PicoUsd, posted: PicoUsd): WindowStateName {
  if (posted >= limit) return 'EXHAUSTED';
  if (posted * PERCENT >= limit * CRITICAL_PERCENT) return 'CRITICAL';
  return posted * PERCENT >= limit * WARNING_PERCENT ? 'WARNING' : 'OK';
}

/** A window from its balance. */
export function viewOf(
  limit: Pick<BudgetLimit, 'id' | 'period' | 'thresholds'>,
  balance: {
    readonly subject: string;
    readonly startsAtMs: number;
    readonly endsAtMs: number;
    readonly limit: PicoUsd;
    readonly extra: PicoUsd;
    readonly posted: PicoUsd;
    readonly held: PicoUsd;
  },
  firing: Firing = new Map(),
): WindowView {
  const most = picoUsd(balance.limit + balance.extra);
  const left = most - balance.posted - balance.held;
  return {
    id: balance.subject === '' ? limit.id : `${limit.id}/${balance.subject}`,
    subject: balance.subject === '' ? null : balance.subject,
    period: limit.period,
    startsAtMs: balance.startsAtMs,
    endsAtMs: balance.endsAtMs,
    limit: most,
    extra: balance.extra,
    posted: balance.posted,
    held: balance.held,
    available: left > 0n ? picoUsd(left) : ZERO,
    state: stateOf(most, balance.posted),
    thresholds: limit.thresholds.map((threshold) => {
      const sinceMs = firing.get(threshold.id) ?? null;
      return { ...writeThreshold(threshold), firing: sinceMs !== null, sinceMs };
    }),
  };
}

/** The window that nobody used yet; undefined outside of a custom one, and for budgets with a balance for each. */
export function unusedView(budget: Budget, limit: BudgetLimit, atMs: number): WindowView | undefined {
  const { timeZone, weekStart } = budget;
  const window = windowAt({ timeZone, weekStart, period: limit.period, custom: limit.custom }, atMs);
  if (window === undefined || budget.each !== null) return undefined;
  return viewOf(limit, { subject: '', ...window, limit: limit.amount, extra: ZERO, posted: ZERO, held: ZERO });
}
