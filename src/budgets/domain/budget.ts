import type { PicoUsd } from '../../platform/money/index.js';
import type { Criticality } from '../../platform/security/index.js';
import type { Threshold } from './thresholds.js';

/** What a budget can stand over. */
export const SCOPE_TYPES = [
  'ORGANISATION',
  'TEAM',
  'USER',
  'INVESTIGATION',
  'OPERATION',
  'KEY',
  'PROVIDER',
  'MODEL',
] as const;
/** What can get a balance of its own inside a scope. */
export const EACH_TYPES = ['TEAM', 'USER', 'INVESTIGATION', 'OPERATION', 'KEY'] as const;
export const BUDGET_METRICS = ['COST', 'TOKENS', 'REQUESTS'] as const;
export const ENFORCEMENTS = ['MONITOR', 'SOFT', 'HARD'] as const;
export const ON_EXHAUSTED = ['BLOCK', 'DOWNGRADE', 'APPROVAL'] as const;
export const PERIODS = ['DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR', 'LIFETIME', 'CUSTOM'] as const;

/** One of {@link SCOPE_TYPES}. */
export type ScopeType = (typeof SCOPE_TYPES)[number];
/** One of {@link EACH_TYPES}. */
export type EachType = (typeof EACH_TYPES)[number];
/** COST in the budget's currency; TOKENS and REQUESTS in whole units, stored with the same 12 decimals. */
export type BudgetMetric = (typeof BUDGET_METRICS)[number];
/** HARD refuses, SOFT admits and marks, MONITOR counts. */
export type Enforcement = (typeof ENFORCEMENTS)[number];
/** What is offered to a call that does not fit. */
export type OnExhausted = (typeof ON_EXHAUSTED)[number];
/** Length of a window. */
export type Period = (typeof PERIODS)[number];

/** Narrows a budget to some calls of its scope. `null`: no restriction. */
export interface BudgetMatch {
  /** Provider ids. */
  readonly providers: readonly string[] | null;
  /** Public model names. */
  readonly models: readonly string[] | null;
  readonly criticalities: readonly Criticality[] | null;
}

/** A limit over windows of one length. */
export interface BudgetLimit {
  readonly id: string;
  readonly period: Period;
  readonly amount: PicoUsd;
  /** Only for CUSTOM: start inclusive, end exclusive. */
  readonly custom: { readonly startsAtMs: number; readonly endsAtMs: number } | null;
  /** What a window leaves unspent is added to the next, once. */
  readonly rollover: boolean;
  readonly thresholds: readonly Threshold[];
}

/** Money, tokens or requests that a scope may use. All budgets that match a call apply. */
export interface Budget {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly scope: { readonly type: ScopeType; readonly id: string };
  readonly each: EachType | null;
  readonly match: BudgetMatch;
  readonly metric: BudgetMetric;
  /** The world the budget belongs to, for TOKENS and REQUESTS too: `XTS` counts simulated calls only. */
  readonly currency: string;
  readonly enforcement: Enforcement;
  readonly onExhausted: OnExhausted;
  /** Share kept for criticality `critical` and above, in 1/10000. */
  readonly carveOutBp: number;
  readonly timeZone: string;
  /** 1 Monday … 7 Sunday. */
  readonly weekStart: number;
  /** Windows that were running when the budget was made start with what the scope had used in them. */
  readonly includePast: boolean;
  readonly managedBy: 'ui' | 'file';
  readonly state: 'active' | 'archived';
  readonly version: number;
  readonly createdAtMs: number;
  readonly limits: readonly BudgetLimit[];
}
