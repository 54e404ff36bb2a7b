import type { BudgetFacts } from '../../budgets/index.js';
import { formatInstant } from '../../platform/clock/index.js';
import { AppError } from '../../platform/errors/index.js';

const MAX_WAIT_SECONDS = 10;
const MIN_WAIT_SECONDS = 1;

function named({ name, scope }: BudgetFacts): string {
  return `the budget "${name}" of ${scope.type.toLowerCase()}${scope.label === null ? '' : ` ${scope.label}`}`;
}

/** What callers may know of the limit that stood in the way. Amounts only through `GET /api/budgets`. */
function limitOf({ id, name, scope, metric, resetsAtMs }: BudgetFacts): Record<string, unknown> {
  return {
    limit: { id, name, level: scope.type, metric, resetsAt: resetsAtMs === null ? null : formatInstant(resetsAtMs) },
  };
}

/** 402: the money is spent. Waiting does not help before the window ends. */
export function budgetExceeded(budget: BudgetFacts): AppError {
  const until = budget.resetsAtMs === null ? 'It does not renew.' : `It renews at ${formatInstant(budget.resetsAtMs)}.`;
  return new AppError(
    'budget_exceeded',
    `The worst case of this call does not fit what is left of ${named(budget)}. ${until} Lower max_tokens, choose a cheaper model, or ask someone with budget:write.`,
    { aip: limitOf(budget) },
  );
}

/** 429: nothing is exhausted, other calls in flight hold the room. */
export function budgetContended(budget: BudgetFacts): AppError {
  return new AppError(
    'budget_contended',
    `Other calls in flight hold the room that is left of ${named(budget)}. Nothing is exhausted: repeat in a moment.`,
    { aip: limitOf(budget), retryAfterSeconds: Math.min(MAX_WAIT_SECONDS, MIN_WAIT_SECONDS + 1) },
  );
}
