import type { Criticality } from '../platform/security/index.js';
import type { PicoUsd } from '../platform/money/index.js';
import type { BudgetMetric, Enforcement, Period, ScopeType } from './domain/budget.js';
import type { Decision } from './domain/decide-holds.js';
import type { Hold, ServedDeployment, Settle } from './domain/hold.js';
import type { BalanceKey } from './persistence/balance.repository.js';

/** What a refused caller is told about the budget that stood in the way. */
export interface BudgetFacts {
  readonly id: string;
  readonly name: string;
  readonly scope: { readonly type: ScopeType; readonly label: string | null };
  readonly metric: BudgetMetric;
  readonly period: Period;
  /** Null: the window never ends. */
  readonly resetsAtMs: number | null;
}

/** A limit that a call falls under, with what the call would hold on it. */
export interface AskLimit extends BalanceKey {
  readonly metric: BudgetMetric;
  readonly currency: string;
  readonly enforcement: Enforcement;
  readonly limit: PicoUsd;
  readonly carveOutBp: number;
  readonly period: Period;
  readonly amount: PicoUsd;
  /** Only some deployments count on it. */
  readonly own: boolean;
  readonly budgetId: string;
  readonly facts: Pick<BudgetFacts, 'id' | 'name' | 'scope'>;
}

/** A call that wants its worst case held; made outside of the transaction. */
export interface Ask {
  readonly holdId: string;
  readonly orgId: string;
  readonly requestId: string;
  readonly currency: string;
  readonly criticality: Criticality;
  readonly openedAtMs: number;
  readonly expiresAtMs: number;
  /** The hold of the same call that it adds to; null: it makes one. */
  readonly extends: Hold | null;
  readonly candidates: readonly {
    readonly deploymentId: string;
    readonly served: ServedDeployment;
    readonly worst: PicoUsd;
    readonly limits: readonly AskLimit[];
  }[];
}

/** A hold that is lowered to what its call can still cost at the deployment that serves it. */
export interface Shrink {
  readonly hold: Hold;
  readonly worst: PicoUsd;
  /** What the serving deployment can use of each limit. */
  readonly limits: readonly AskLimit[];
}

/** What became of an ask. */
export type Verdict =
  | Extract<Decision, { kind: 'held' }>
  | { readonly kind: 'contended' | 'exhausted'; readonly budget: BudgetFacts }
  /** Somebody else has ended the call meanwhile; only of asks that extend. */
  | { readonly kind: 'closed' };

/** All that one flush is asked to do, in this order. */
export interface FlushWork {
  readonly settles: readonly Settle[];
  /** Ends of calls that somebody else had ended without knowing what they used. */
  readonly late?: readonly Settle[];
  readonly shrinks?: readonly Shrink[];
  readonly asks: readonly Ask[];
  readonly nowMs: number;
}

/** What a flush did. `verdicts` in the order of the asks. */
export interface FlushResult {
  /** Ids of holds that this flush resolved. */
  readonly settled: ReadonlySet<string>;
  /** Holds that this flush lowered, by id. */
  readonly shrunk: ReadonlyMap<string, Hold>;
  readonly verdicts: readonly Verdict[];
}
