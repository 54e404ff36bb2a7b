/** The five kinds of tokens that never overlap. */
export const TOKEN_METERS = ['input', 'cachedInput', 'cacheWrite', 'output', 'reasoning'] as const;

/** Everything a provider can bill. Source: money page §1. */
export const METERS = [
  ...TOKEN_METERS,
  'cacheWrite1h',
  'inputAudio',
  'outputAudio',
  'inputImage',
  'outputImage',
  'image',
  'second',
  'character',
  'page',
  'webSearch',
  'toolCall',
  'request',
] as const;

/** One of {@link METERS}. */
export type Meter = (typeof METERS)[number];

/** One of {@link TOKEN_METERS}. */
export type TokenMeter = (typeof TOKEN_METERS)[number];

/** The token counts of one attempt; each a whole number ≥ 0. `TokenUsage` of `providers` fits. */
export type TokenCounts = Readonly<Record<TokenMeter, number>>;

/** A quantity billed beside the five kinds of tokens; whole, ≥ 0. */
export interface Extra {
  readonly meter: Meter;
  readonly quantity: number;
}

/** All tokens of a usage, as budgets of metric TOKENS count them. */
export function totalTokens(usage: TokenCounts): number {
  return usage.input + usage.cachedInput + usage.cacheWrite + usage.output + usage.reasoning;
}
