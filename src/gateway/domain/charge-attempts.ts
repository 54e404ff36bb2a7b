import {
  chargeUsage,
  countOutput,
  totalTokens,
  type Extra,
  type PriceBook,
  type PriceQuote,
  type TokenCounts,
} from '../../metering/index.js';
import type { Meter } from '../../metering/index.js';
import { picoUsd, sum, ZERO, type PicoUsd } from '../../platform/money/index.js';
import type { AttemptRecord, UsageSource } from '../../providers/index.js';

/** What an attempt is charged on: the plan's quote, and the bounds its hold was made with. */
export interface AttemptTerms {
  readonly quote: PriceQuote;
  readonly inputTokens: number;
  readonly outputBound: number;
}

/** An attempt with its price. */
export interface ChargedAttempt {
  readonly attempt: AttemptRecord;
  readonly usage: TokenCounts;
  readonly extras: readonly Extra[];
  readonly usageSource: UsageSource;
  readonly currency: string;
  readonly cost: PicoUsd;
  readonly priceIds: Readonly<Partial<Record<Meter, string>>>;
  /** A meter without a price was charged at the dearest. */
  readonly assumed: boolean;
}

/** What a call cost over all attempts. */
export interface ChargedCall {
  readonly attempts: readonly ChargedAttempt[];
  readonly cost: PicoUsd;
  readonly tokens: number;
}

const NOTHING: TokenCounts = Object.freeze({ input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 });

/** The counts an attempt is charged on. Source: the money page §6: reported, else counted over received bytes, else the input. */
function countsOf(attempt: AttemptRecord, terms: AttemptTerms): TokenCounts {
  const reported = attempt.usage ?? NOTHING;
  if (attempt.usageSource === 'none' || attempt.usageSource === 'reported') return reported;
  // Of several requests that make up one attempt, some may have reported.
  const { inputTimes, received } = attempt.unreported ?? attempt;
  const counted = attempt.usageSource === 'counted' ? countOutput(received, terms.outputBound * inputTimes) : NOTHING;
  return {
    ...reported,
    input: reported.input + terms.inputTokens * inputTimes,
    output: reported.output + counted.output,
    reasoning: reported.reasoning + counted.reasoning,
  };
}

/** The attempts whose answer the caller sees: one, or two when the first was cut and carried on; the last one when none served. */
export function servedCharges({ attempts }: ChargedCall): readonly ChargedAttempt[] {
  const served = attempts.filter(({ attempt }) => attempt.committed);
  return served.length > 0 ? served : attempts.slice(-1);
}

/** Prices one attempt by the price in force when it began, in the band and tier it was billed in. Never fails for lack of a price. */
export function chargeAttempt(attempt: AttemptRecord, terms: AttemptTerms, prices: PriceBook): ChargedAttempt {
  const counts = countsOf(attempt, terms);
  const extras = (attempt.usage?.extras ?? []) as readonly Extra[];
  const base = { attempt, usage: counts, extras, usageSource: attempt.usageSource, currency: terms.quote.currency };
  if (totalTokens(counts) === 0 && extras.length === 0) return { ...base, cost: ZERO, priceIds: {}, assumed: false };
  const { deployment } = attempt;
  const quote =
    prices.quote({
      vendor: deployment.vendor,
      model: deployment.upstreamModel,
      region: deployment.region,
      ...(attempt.billedTier === null ? {} : { tier: attempt.billedTier }),
      atMs: attempt.startedAtMs,
      // Bands are chosen per request.
      inputTokens: Math.ceil((counts.input + counts.cachedInput + counts.cacheWrite) / Math.max(1, attempt.inputTimes)),
    }) ?? terms.quote;
  const charge = chargeUsage(counts, extras, quote);
  return { ...base, cost: charge.amount, priceIds: charge.priceIds, assumed: charge.assumed.length > 0 };
}

/** Prices all attempts of a call; all are of one currency. */
export function chargeCall(
  attempts: readonly AttemptRecord[],
  termsOf: (attempt: AttemptRecord) => AttemptTerms,
  prices: PriceBook,
): ChargedCall {
  const charged = attempts.map((attempt) => chargeAttempt(attempt, termsOf(attempt), prices));
  return {
    attempts: charged,
    cost: charged.length === 0 ? picoUsd(0n) : sum(charged.map(({ cost }) => cost)),
    tokens: charged.reduce((total, { usage }) => total + totalTokens(usage), 0),
  };
}
