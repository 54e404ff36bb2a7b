import { AppError } from '../../platform/errors/index.js';
import { larger, picoUsd, ZERO, type PicoUsd } from '../../platform/money/index.js';
import type { Extra, Meter } from './meter.js';
import type { PriceQuote } from './price-book.js';

/** What a call can use at most. */
export interface Bounds {
  /** Tokens the provider can count for the input. */
  readonly inputBound: number;
  /** Tokens of one answer, reasoning included, that the provider is told not to exceed. */
  readonly outputBound: number;
  /** Answers asked for. ≥ 1. */
  readonly n: number;
  /** Most that can be billed beside tokens. */
  readonly extras?: readonly Extra[];
  /** The request asks for cache entries that live an hour. */
  readonly longCacheWrites?: boolean;
}

/** The most a call can cost at one candidate, over every tier and band it can end up in. Cache hits are never assumed.
 *  Source: money page §4. @throws AppError price_unknown — some meter of the bound has no price */
export function worstCase(quotes: PriceQuote | readonly PriceQuote[], bounds: Bounds): PicoUsd {
  const list = 'amounts' in quotes ? [quotes] : quotes;
  if (list.length === 0) throw unknown('input');
  return list.reduce<PicoUsd>((worst, quote) => larger(worst, worstOf(quote, bounds)), ZERO);
}

function worstOf({ amounts }: PriceQuote, bounds: Bounds): PicoUsd {
  const { inputBound, outputBound, n, extras = [], longCacheWrites = false } = bounds;
  if (amounts.input === undefined && inputBound > 0) throw unknown('input');
  if (amounts.output === undefined && outputBound > 0) throw unknown('output');
  const perInput = [amounts.input, amounts.cacheWrite, longCacheWrites ? amounts.cacheWrite1h : undefined];
  const perOutput = [amounts.output, amounts.reasoning];
  let total = BigInt(inputBound) * dearest(perInput) + BigInt(outputBound) * BigInt(n) * dearest(perOutput);
  for (const { meter, quantity } of extras) {
    const amount = amounts[meter];
    if (amount === undefined) throw unknown(meter);
    total += BigInt(quantity) * amount;
  }
  return picoUsd(total + (amounts.request ?? 0n));
}

/** What a call probably costs: no cache hits, reasoning priced as output. For ranking, never for holding.
 *  @throws AppError price_unknown — input or output has no price */
export function expectedCost(
  { amounts }: PriceQuote,
  tokens: { readonly inputTokens: number; readonly outputTokens: number },
): PicoUsd {
  if (amounts.input === undefined && tokens.inputTokens > 0) throw unknown('input');
  if (amounts.output === undefined && tokens.outputTokens > 0) throw unknown('output');
  const input = BigInt(Math.ceil(tokens.inputTokens)) * (amounts.input ?? 0n);
  return picoUsd(input + BigInt(Math.ceil(tokens.outputTokens)) * (amounts.output ?? 0n) + (amounts.request ?? 0n));
}

function dearest(amounts: readonly (PicoUsd | undefined)[]): PicoUsd {
  return amounts.reduce<PicoUsd>((most, amount) => (amount === undefined ? most : larger(most, amount)), ZERO);
}

function unknown(meter: Meter): AppError {
  return new AppError(
    'price_unknown',
    `No price is set for the meter ${meter} of this model, so its cost cannot be bounded. Add one with POST /api/prices.`,
  );
}
