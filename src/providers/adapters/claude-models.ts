const BUDGET_MODELS = /claude-(2|3|instant|opus-4-[015]|opus-4-2025|sonnet-4-[05]|sonnet-4-2025|haiku-4-5)/;
const TOOL_MODELS = /claude-(2|3|instant|opus-4-0|opus-4-2025|sonnet-4-0|sonnet-4-2025)/;
const FIXED_SAMPLING = /claude-opus-4-[78]/;

/** True for models of Anthropic that take a budget of tokens to think, and for names that are not Anthropic's; newer ones take an
 *  effort. Names as Anthropic, Bedrock and Vertex write them. */
export function takesBudget(model: string): boolean {
  return !model.includes('claude') || BUDGET_MODELS.test(model);
}

/** False for models of Anthropic without JSON schemas of their own: there one forced tool gives the answer its shape. */
export function hasJsonSchema(model: string): boolean {
  return !TOOL_MODELS.test(model);
}

/** True for models of Anthropic that refuse `temperature` and `top_p`. */
export function hasFixedSampling(model: string): boolean {
  return FIXED_SAMPLING.test(model);
}
