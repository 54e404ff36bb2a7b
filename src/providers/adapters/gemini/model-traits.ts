import type { DeploymentView } from '../adapter.js';

/** How a Gemini model takes what OpenAI's dialect asks. Overridable by the provider's quirks of the same names. */
export interface ModelTraits {
  /** How much to think: a named level, or a budget of tokens. */
  readonly reasoning: 'level' | 'budget';
  /** Calls of tools go back with the signature of the thought behind them, or are refused. */
  readonly signatures: boolean;
  /** The shape of the answer can be asked for beside tools. */
  readonly structuredWithTools: boolean;
}

/** Models before the third generation. */
const BEFORE_3 = /gemini-(1|2|exp|pro|flash|ultra)([^0-9]|$)/;

/** Traits by model name; names that are not Gemini's are taken for a current model. */
export function traitsOf({ upstreamModel, quirks }: Pick<DeploymentView, 'upstreamModel' | 'quirks'>): ModelTraits {
  const isCurrent = !BEFORE_3.test(upstreamModel);
  const { reasoning, signatures, structuredWithTools } = quirks;
  return {
    reasoning: reasoning === 'level' || reasoning === 'budget' ? reasoning : isCurrent ? 'level' : 'budget',
    signatures: typeof signatures === 'boolean' ? signatures : isCurrent && upstreamModel.includes('gemini'),
    structuredWithTools: typeof structuredWithTools === 'boolean' ? structuredWithTools : isCurrent,
  };
}
