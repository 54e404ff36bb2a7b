import { formatAmount, parseAmount, picoUsd, type PicoUsd } from '../../platform/money/index.js';
import type { BudgetMetric } from './budget.js';

const ONE = 10n ** 12n;

/** A count in the columns of money: 1 token is 1.000000000000. */
export function wholeUnits(count: number): PicoUsd {
  return picoUsd(BigInt(Math.ceil(count)) * ONE);
}

/** What one call means to a budget of each metric. */
export interface Posting {
  readonly amount: PicoUsd;
  readonly tokens: number;
  /** 1 when anything was dispatched, else 0. */
  readonly requests: number;
}

/** The part of a posting that a metric counts. */
export function unitsOf(metric: BudgetMetric, posting: Posting): PicoUsd {
  if (metric === 'COST') return posting.amount;
  return wholeUnits(metric === 'TOKENS' ? posting.tokens : posting.requests);
}

/** COST with 12 decimals, TOKENS and REQUESTS as whole numbers; negative amounts keep their sign. */
export function formatUnits(metric: BudgetMetric, amount: PicoUsd): string {
  return metric === 'COST' ? formatAmount(amount) : (amount / ONE).toString();
}

/** Reads what {@link formatUnits} writes. @throws RangeError — no amount; a fraction of a token */
export function parseUnits(metric: BudgetMetric, text: string): PicoUsd {
  const amount = parseAmount(text);
  if (!isWholeFor(metric, amount)) throw new RangeError('Tokens and requests are whole');
  return amount;
}

/** False for a fraction of a token or of a request. */
export function isWholeFor(metric: BudgetMetric, amount: PicoUsd): boolean {
  return metric === 'COST' || amount % ONE === 0n;
}
