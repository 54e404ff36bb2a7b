import type { DeploymentView } from '../adapter.js';
import { hasFixedSampling, hasJsonSchema, takesBudget } from '../claude-models.js';

/** How much to think is asked differently per family: Claude takes an effort beside adaptive thinking (`adaptive`) or a budget of
 *  tokens (`budget`); Nova 2 (`nova`), gpt-oss (`openai`) and Qwen or DeepSeek (`config`) take a word; others nothing. */
const REASONING = ['adaptive', 'budget', 'nova', 'openai', 'config', 'none'] as const;

/** One of the ways to ask for reasoning. */
export type ReasoningStyle = (typeof REASONING)[number];

/** How a model of Bedrock takes what OpenAI's dialect asks. `reasoning` and `structured` are overridable by the provider's quirks
 *  of the same names. */
export interface ModelTraits {
  readonly reasoning: ReasoningStyle;
  /** How JSON schemas are asked for: natively, or as one forced tool whose arguments are the answer. */
  readonly structured: 'format' | 'tool';
  /** It refuses `temperature` and `top_p`. */
  readonly fixedSampling: boolean;
  /** It takes marks up to where the prompt is kept. */
  readonly cachePoints: boolean;
}

const FORMAT_MODELS =
  /gemma-3|glm-|gpt-oss|kimi-|magistral|minimax|ministral|mistral-large-3|nemotron|qwen3|voxtral|deepseek\.v3/;

/** Traits by model id or ARN; geographic prefixes (`us.`, `eu.`, `global.`) do not matter. Source: AWS, Bedrock user guide,
 *  inference parameters, structured output and prompt caching. */
export function traitsOf({ upstreamModel, quirks }: Pick<DeploymentView, 'upstreamModel' | 'quirks'>): ModelTraits {
  const isClaude = upstreamModel.includes('claude');
  const { reasoning, structured } = quirks;
  const hasFormat = isClaude ? hasJsonSchema(upstreamModel) : FORMAT_MODELS.test(upstreamModel);
  return {
    reasoning: REASONING.find((style) => style === reasoning) ?? reasoningOf(upstreamModel),
    structured: structured === 'format' || structured === 'tool' ? structured : hasFormat ? 'format' : 'tool',
    fixedSampling: isClaude && hasFixedSampling(upstreamModel),
    cachePoints: isClaude || upstreamModel.includes('amazon.nova'),
  };
}

function reasoningOf(model: string): ReasoningStyle {
  if (model.includes('claude')) return takesBudget(model) ? 'budget' : 'adaptive';
  if (model.includes('amazon.nova-2')) return 'nova';
  if (model.includes('gpt-oss')) return 'openai';
  return /qwen3|deepseek\.v3/.test(model) ? 'config' : 'none';
}
