import type { Usage } from '../../openai/index.js';

/** What a provider can bill beside the five kinds of tokens. Source: money page §1. */
export const EXTRA_METERS = [
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

/** One of {@link EXTRA_METERS}. */
export type ExtraMeter = (typeof EXTRA_METERS)[number];

/** A quantity billed beside the five kinds of tokens; a safe integer > 0, not contained in them. */
export interface UsageExtra {
  readonly meter: ExtraMeter;
  readonly quantity: number;
}

/** Tokens of one attempt in five kinds that never overlap; each a safe integer ≥ 0. */
export interface TokenUsage {
  /** Prompt tokens that were neither read from nor written to a cache. */
  readonly input: number;
  /** Prompt tokens read from a cache. */
  readonly cachedInput: number;
  /** Prompt tokens written to a cache that lives minutes; one-hour writes are the extra `cacheWrite1h`. */
  readonly cacheWrite: number;
  /** Output tokens without reasoning. */
  readonly output: number;
  readonly reasoning: number;
  /** Absent: none. */
  readonly extras?: readonly UsageExtra[];
}

/** What was odd about a report. `refused`: negative, fractional or absurd counts, so nothing was reported; `unexplained_total`:
 *  the total exceeds the sum of its parts and the rest is charged as reasoning; `overlap`: parts of the prompt exceed the prompt and
 *  were cut to it; `zero_output`: no output tokens beside delivered bytes. */
export type UsageAnomaly = 'refused' | 'unexplained_total' | 'overlap' | 'zero_output';

/** A report as an adapter reads it: a usage, or the reason why it cannot be one. */
export interface UsageReport {
  /** Null: refused. */
  readonly usage: TokenUsage | null;
  readonly anomaly: UsageAnomaly | null;
}

/** Times the output bound that a report may claim. */
const MOST_TIMES_BOUND = 10;
/** Prompt tokens that no model of today accepts. */
const MOST_INPUT = 100_000_000;

/** True for a safe integer ≥ 0. */
export const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Reads a count of a vendor: absent and null are absent, never 0. Attacker-controlled. `NaN` when it is no number. */
export function readCount(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' ? value : NaN;
}

/** Tokens that only the vendor's total knows; a total below the sum, or that is no count, says nothing. */
export function excessOf(total: number | undefined, sum: number): number {
  return total === undefined || !isCount(total) ? 0 : Math.max(0, total - sum);
}

/** The extras of a usage with audio. */
export function audioExtras(inputAudio: number, outputAudio: number): { readonly extras?: readonly UsageExtra[] } {
  const extras: UsageExtra[] = [];
  if (inputAudio > 0) extras.push({ meter: 'inputAudio', quantity: inputAudio });
  if (outputAudio > 0) extras.push({ meter: 'outputAudio', quantity: outputAudio });
  return extras.length === 0 ? {} : { extras };
}

/** Accepts a usage only when every count is a safe integer ≥ 0 and the output at most ten times what was allowed.
 *  `outputBound`: tokens over all choices; 0 for operations without output. */
export function checkUsage(usage: TokenUsage, outputBound: number): UsageReport {
  const { input, cachedInput, cacheWrite, output, reasoning } = usage;
  const extras = (usage.extras ?? []).every(({ quantity }) => isCount(quantity));
  const whole = [input, cachedInput, cacheWrite, output, reasoning].every(isCount) && extras;
  const plausible =
    output + reasoning <= MOST_TIMES_BOUND * Math.max(1, outputBound) && input + cachedInput + cacheWrite <= MOST_INPUT;
  return whole && plausible ? { usage, anomaly: null } : { usage: null, anomaly: 'refused' };
}

/** What two attempts used together. */
export function addUsage(one: TokenUsage, other: TokenUsage): TokenUsage {
  const extras = new Map<ExtraMeter, number>();
  for (const { meter, quantity } of [...(one.extras ?? []), ...(other.extras ?? [])]) {
    extras.set(meter, (extras.get(meter) ?? 0) + quantity);
  }
  return {
    input: one.input + other.input,
    cachedInput: one.cachedInput + other.cachedInput,
    cacheWrite: one.cacheWrite + other.cacheWrite,
    output: one.output + other.output,
    reasoning: one.reasoning + other.reasoning,
    ...(extras.size === 0 ? {} : { extras: Array.from(extras, ([meter, quantity]) => ({ meter, quantity })) }),
  };
}

const extraQuantity = (usage: TokenUsage, meter: ExtraMeter): number =>
  (usage.extras ?? []).reduce((sum, extra) => (extra.meter === meter ? sum + extra.quantity : sum), 0);

/** The usage as OpenAI's API shows it: totals include cached, written and reasoning tokens. Source: wire contract §2.5. */
export function toOpenAiUsage(usage: TokenUsage): Usage {
  const written = usage.cacheWrite + extraQuantity(usage, 'cacheWrite1h');
  const inputAudio = extraQuantity(usage, 'inputAudio');
  const outputAudio = extraQuantity(usage, 'outputAudio');
  const prompt = usage.input + usage.cachedInput + written + inputAudio;
  const completion = usage.output + usage.reasoning + outputAudio;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInput,
      cache_write_tokens: written,
      ...(inputAudio === 0 ? {} : { audio_tokens: inputAudio }),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      ...(outputAudio === 0 ? {} : { audio_tokens: outputAudio }),
    },
  };
}
