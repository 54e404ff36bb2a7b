import type { DeploymentView } from '../adapter.js';
import { hasJsonSchema, takesBudget } from '../claude-models.js';

/** How a model of Anthropic takes what OpenAI's dialect asks. Overridable by the provider's quirks of the same names. */
export interface ModelTraits {
  /** How much to think: `effort` beside adaptive thinking, or a token budget. */
  readonly reasoning: 'effort' | 'budget';
  /** How JSON schemas are asked for: natively, or as one forced tool whose arguments are the answer. */
  readonly structured: 'format' | 'tool';
}

/** Traits by model name; names that are not Anthropic's take a budget and the native format. */
export function traitsOf({ upstreamModel, quirks }: Pick<DeploymentView, 'upstreamModel' | 'quirks'>): ModelTraits {
  const { reasoning, structured } = quirks;
  return {
    reasoning:
      reasoning === 'effort' || reasoning === 'budget' ? reasoning : takesBudget(upstreamModel) ? 'budget' : 'effort',
    structured:
      structured === 'format' || structured === 'tool' ? structured : hasJsonSchema(upstreamModel) ? 'format' : 'tool',
  };
}
