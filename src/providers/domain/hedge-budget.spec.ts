import { describe, expect, it } from '@jest/globals';

import { HedgeBudget } from './hedge-budget.js';

const DAY_MS = 86_400_000;
const cost = { worst: 10n, dailyLimit: 1_000n };

const after = (requests: number, nowMs = 0): HedgeBudget => {
  const budget = new HedgeBudget();
  for (let count = 0; count < requests; count += 1) budget.request(nowMs);
  return budget;
};

describe('HedgeBudget', () => {
  it('allows a twentieth of the requests of a minute', () => {
    const budget = after(100);
    const taken = Array.from({ length: 10 }, () => budget.take(1_000, cost)).filter(Boolean);
    expect(taken).toHaveLength(5);
  });

  it('counts each minute anew', () => {
    const budget = after(1);
    expect(budget.take(0, cost)).toBe(true);
    expect(budget.take(59_999, cost)).toBe(false);
    budget.request(60_000);
    expect(budget.take(60_000, cost)).toBe(true);
  });

  it('allows nothing without a request', () => {
    expect(new HedgeBudget().take(0, cost)).toBe(false);
  });

  it('never goes beyond the amount of a day, and begins anew with the next', () => {
    const budget = after(1_000);
    const dear = { worst: 400n, dailyLimit: 1_000n };
    expect([budget.take(0, dear), budget.take(0, dear), budget.take(0, dear)]).toEqual([true, true, false]);
    budget.request(DAY_MS);
    expect(budget.take(DAY_MS, dear)).toBe(true);
  });
});
