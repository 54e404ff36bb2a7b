/** Tokens that each effort may think with, where a vendor takes a budget and not an effort. Source: providers page §4. */
export const REASONING_BUDGETS: Readonly<Record<string, number>> = {
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
};

/** Least budget that Claude accepts. */
const LEAST_BUDGET = 1_024;
/** A budget stays below the bound of the answer, so that room for the answer is left. */
const MOST_OF_BOUND = 0.75;

/** Budget in tokens of Claude for an effort; null where the bound `maxTokens` is too small to think at all. */
export function claudeBudget(effort: string, maxTokens: number): number | null {
  const budget = Math.min(REASONING_BUDGETS[effort] ?? LEAST_BUDGET, Math.floor(maxTokens * MOST_OF_BOUND));
  return budget < LEAST_BUDGET ? null : budget;
}
