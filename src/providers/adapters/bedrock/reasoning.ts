import type { JsonObject } from '../json-value.js';
import { claudeBudget, REASONING_BUDGETS } from '../reasoning-budgets.js';
import type { ReasoningStyle } from './model-traits.js';

const EFFORTS: Readonly<Record<ReasoningStyle, readonly string[]>> = {
  adaptive: ['low', 'medium', 'high', 'xhigh', 'max'],
  budget: Object.keys(REASONING_BUDGETS),
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

/** `additionalModelRequestFields` that ask a family for reasoning; null: it is left off. */
export function reasoningFields(style: ReasoningStyle, effort: string, maxTokens: number): JsonObject | null {
  switch (style) {
    case 'adaptive':
      return { thinking: { type: 'adaptive' }, output_config: { effort: effort === 'xhigh' ? 'max' : effort } };
    case 'budget': {
      const budget = claudeBudget(effort, maxTokens);
      return budget === null ? null : { thinking: { type: 'enabled', budget_tokens: budget } };
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
