import type { JsonObject } from '../json-value.js';
import type { ReasoningStyle } from './model-traits.js';

/** Least budget that Claude accepts, and what each effort may use. */
const LEAST_BUDGET = 1_024;
const BUDGETS: Readonly<Record<string, number>> = {
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
};

const EFFORTS: Readonly<Record<ReasoningStyle, readonly string[]>> = {
  adaptive: ['low', 'medium', 'high', 'xhigh', 'max'],
  budget: Object.keys(BUDGETS),
  // High effort of Nova forbids a bound, which every call of ours has.
  nova: ['low', 'medium'],
  openai: ['low', 'medium', 'high'],
  config: ['low', 'medium', 'high'],
  none: [],
};

/** Efforts that a family takes. */
export function effortsOf(style: ReasoningStyle): readonly string[] {
  return EFFORTS[style];
}

/** `additionalModelRequestFields` that ask a family for reasoning; null: it is left off. A budget stays below the bound, so that
 *  room for the answer is left. */
export function reasoningFields(style: ReasoningStyle, effort: string, maxTokens: number): JsonObject | null {
  switch (style) {
    case 'adaptive':
      return { thinking: { type: 'adaptive' }, output_config: { effort: effort === 'xhigh' ? 'max' : effort } };
    case 'budget': {
      const budget = Math.min(BUDGETS[effort] ?? LEAST_BUDGET, Math.floor(maxTokens * 0.75));
      return budget < LEAST_BUDGET ? null : { thinking: { type: 'enabled', budget_tokens: budget } };
    }
    case 'nova':
      return { reasoningConfig: { type: 'enabled', maxReasoningEffort: effort } };
    case 'openai':
      return { reasoning_effort: effort };
    case 'config':
      return { reasoning_config: effort };
    case 'none':
      return null;
  }
}
