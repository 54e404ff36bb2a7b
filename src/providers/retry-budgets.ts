import { Injectable } from '@nestjs/common';

import { RetryBudget } from './domain/retry-budget.js';

/** Deployments remembered before idle ones are forgotten. */
const SWEEP_ABOVE = 1_000;

/** One {@link RetryBudget} per deployment, in this process. */
@Injectable()
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>();

  /** Counts a first try. */
  request(deploymentId: string, nowMs: number): void {
    this.#of(deploymentId, nowMs).request(nowMs);
  }

  /** Takes one repeated try, or says no. */
  take(deploymentId: string, nowMs: number): boolean {
    return this.#of(deploymentId, nowMs).take(nowMs);
  }

  #of(id: string, nowMs: number): RetryBudget {
    const known = this.#budgets.get(id);
    if (known !== undefined) return known;
    if (this.#budgets.size >= SWEEP_ABOVE) {
      for (const [other, budget] of this.#budgets) if (budget.isIdle(nowMs)) this.#budgets.delete(other);
    }
    const budget = new RetryBudget();
    this.#budgets.set(id, budget);
    return budget;
  }
}
