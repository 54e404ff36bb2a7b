import { formatInstant } from '../platform/clock/index.js';
import { newId } from '../platform/ids/index.js';
import type { PicoUsd } from '../platform/money/index.js';
import type { OutboxEvent } from '../platform/outbox/index.js';
import type { Budget, BudgetLimit } from './domain/budget.js';
import { writeThreshold, type Threshold } from './domain/thresholds.js';
import { formatUnits } from './domain/units.js';

/** The balance a notice is about. */
export interface NoticedBalance {
  readonly orgId: string;
  readonly subject: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly limit: PicoUsd;
  readonly posted: PicoUsd;
  readonly held: PicoUsd;
}

/** The budget and the limit of a balance. */
export interface NoticedLimit {
  readonly budget: Budget;
  readonly limit: BudgetLimit;
}

/** A threshold began or ceased to fire. `n`: the how-manieth time in this window. */
export function thresholdNotice(
  type: 'budget.threshold.reached' | 'budget.threshold.resolved',
  of: NoticedLimit & { readonly balance: NoticedBalance; readonly threshold: Threshold; readonly n: number },
  atMs: number,
): OutboxEvent {
  const { id, ...threshold } = { id: of.threshold.id, ...writeThreshold(of.threshold) };
  return notice(type, of, { threshold: { id, ...threshold, n: of.n } }, atMs);
}

/** The whole limit is posted. */
export function exhaustedNotice(of: NoticedLimit & { readonly balance: NoticedBalance }, atMs: number): OutboxEvent {
  return notice('budget.exhausted', of, {}, atMs);
}

function notice(
  type: OutboxEvent['type'],
  { budget, limit, balance }: NoticedLimit & { readonly balance: NoticedBalance },
  more: Readonly<Record<string, unknown>>,
  atMs: number,
): OutboxEvent {
  const amount = (value: PicoUsd): string => formatUnits(budget.metric, value);
  return {
    id: newId(),
    orgId: balance.orgId,
    type,
    atMs,
    data: {
      budgetId: budget.id,
      limitId: limit.id,
      metric: budget.metric,
      currency: budget.currency,
      ...more,
      window: {
        period: limit.period,
        subject: balance.subject === '' ? null : balance.subject,
        startsAt: formatInstant(balance.startsAtMs),
        endsAt: limit.period === 'LIFETIME' ? null : formatInstant(balance.endsAtMs),
        limit: amount(balance.limit),
        posted: amount(balance.posted),
        held: amount(balance.held),
      },
    },
  };
}
