import { HedgeBudget } from './domain/hedge-budget.js';

/** Accounts remembered before the oldest is forgotten. */
const MOST = 10_000;

/** One {@link HedgeBudget} per account, in this process: every replica has its own. */
export class HedgeBudgets {
  readonly #budgets = new Map<string, HedgeBudget>();

  of(account: string): HedgeBudget {
    const known = this.#budgets.get(account);
    if (known !== undefined) return known;
    const [oldest] = this.#budgets.keys();
    if (this.#budgets.size >= MOST && oldest !== undefined) this.#budgets.delete(oldest);
    const budget = new HedgeBudget();
    this.#budgets.set(account, budget);
    return budget;
  }
}
