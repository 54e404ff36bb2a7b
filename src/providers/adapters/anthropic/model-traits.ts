import type { DeploymentView } from '../adapter.js';

/** How a model of Anthropic takes what OpenAI's dialect asks. Overridable by the provider's quirks of the same names. */
export interface ModelTraits {
  /** How much to think: `effort` beside adaptive thinking, or a token budget. */
  readonly reasoning: 'effort' | 'budget';
  /** How JSON schemas are asked for: natively, or as one forced tool whose arguments are the answer. */
  readonly structured: 'format' | 'tool';
}

const BUDGET_MODELS = /claude-(2|3|instant|opus-4-[015]|opus-4-2025|sonnet-4-[05]|sonnet-4-2025|haiku-4-5)/;
const TOOL_MODELS = /claude-(2|3|instant|opus-4-0|opus-4-2025|sonnet-4-0|sonnet-4-2025)/;

/** Traits by model name; names that are not Anthropic's take a budget and the native format. */
export function traitsOf({ upstreamModel, quirks }: Pick<DeploymentView, 'upstreamModel' | 'quirks'>): ModelTraits {
  const takesBudget = !upstreamModel.includes('claude') || BUDGET_MODELS.test(upstreamModel);
  const { reasoning, structured } = quirks;
  return {
    reasoning: reasoning === 'effort' || reasoning === 'budget' ? reasoning : takesBudget ? 'budget' : 'effort',
    structured:
      structured === 'format' || structured === 'tool'
        ? structured
        : TOOL_MODELS.test(upstreamModel)
          ? 'tool'
          : 'format',
  };
}
