import type { PicoUsd } from '../../platform/money/index.js';
import { METERS, type Meter } from './meter.js';

/** Tier of calls that name none, and of vendors that have only one. */
export const STANDARD_TIER = 'standard';

/** Code of the world of simulated providers: no money. Source: ISO 4217, code for tests. */
export const SIMULATED_CURRENCY = 'XTS';

/** One price of one meter from one instant on. Never edited: a change is a newer version. */
export interface PriceVersion {
  /** `pv_…`. */
  readonly id: string;
  readonly vendor: string;
  /** The vendor's own name of the model. */
  readonly model: string;
  /** `null`: every region without a price of its own. */
  readonly region: string | null;
  readonly tier: string;
  /** Smallest total input, cached included, of the context band. 0: the first band. */
  readonly contextFrom: number;
  /** Minutes after midnight UTC, start inclusive, end exclusive; may pass midnight. `null`: the whole day. */
  readonly daily: { readonly fromMinute: number; readonly toMinute: number } | null;
  readonly meter: Meter;
  /** ISO 4217, or `XTS` for simulated providers. */
  readonly currency: string;
  /** Price of ONE unit. */
  readonly amount: PicoUsd;
  readonly effectiveFromMs: number;
  /** End of a price announced to end; `null`: until a newer version. */
  readonly effectiveToMs: number | null;
  readonly confirmed: boolean;
}

/** What a call is priced with: one price per meter, with the version it came from. At least one. */
export interface PriceQuote {
  readonly currency: string;
  readonly ids: Readonly<Partial<Record<Meter, string>>>;
  /** Price of ONE unit. A missing meter has no price, which is not zero. */
  readonly amounts: Readonly<Partial<Record<Meter, PicoUsd>>>;
  /** False: some price was not yet confirmed by a person, or belongs to another tier than the one asked for. */
  readonly confirmed: boolean;
}

/** Which prices apply. */
export interface QuoteWish {
  readonly vendor: string;
  /** The upstream model. */
  readonly model: string;
  readonly region: string | null;
  readonly tier?: string | undefined;
  /** Start of the attempt. */
  readonly atMs: number;
  /** Total input including cached tokens; picks the context band. */
  readonly inputTokens: number;
}

const TIER_NAMES: Readonly<Record<string, string>> = {
  default: STANDARD_TIER,
  auto: STANDARD_TIER,
  on_demand: STANDARD_TIER,
};
const DAY_MINUTES = 1_440;

/** Names of the ordinary tier, whatever a vendor calls it. */
export function tierName(tier: string | undefined): string {
  return tier === undefined ? STANDARD_TIER : (TIER_NAMES[tier] ?? tier);
}

/** All price versions of a configuration snapshot. */
export class PriceBook {
  readonly #byModel = new Map<string, PriceVersion[]>();

  constructor(versions: Iterable<PriceVersion>) {
    for (const version of versions) {
      const key = `${version.vendor}\n${version.model}`;
      const known = this.#byModel.get(key);
      if (known === undefined) this.#byModel.set(key, [version]);
      else known.push(version);
    }
    for (const list of this.#byModel.values()) list.sort((a, b) => b.effectiveFromMs - a.effectiveFromMs);
  }

  /** The prices in force for a call; `undefined` when the model has none. Per meter the most specific version wins:
   *  region before any region, tier before the standard one, then the highest band reached, then the newest. */
  quote(wish: QuoteWish): PriceQuote | undefined {
    const versions = this.#byModel.get(`${wish.vendor}\n${wish.model}`);
    return versions === undefined ? undefined : quoteFrom(versions, wish);
  }

  /** Every quote the call can end up with: each band up to `inputTokens`, the tier asked for and the standard one. Empty
   *  when the model has no price. */
  quotesUpTo(wish: QuoteWish): readonly PriceQuote[] {
    const versions = this.#byModel.get(`${wish.vendor}\n${wish.model}`) ?? [];
    const bands = new Set(versions.map(({ contextFrom }) => contextFrom).filter((from) => from <= wish.inputTokens));
    const tiers = new Set([tierName(wish.tier), STANDARD_TIER]);
    const quotes: PriceQuote[] = [];
    for (const inputTokens of bands.add(wish.inputTokens)) {
      for (const tier of tiers) {
        const quote = quoteFrom(versions, { ...wish, inputTokens, tier });
        if (quote !== undefined) quotes.push(quote);
      }
    }
    return quotes;
  }
}

function quoteFrom(versions: readonly PriceVersion[], wish: QuoteWish): PriceQuote | undefined {
  const tier = tierName(wish.tier);
  const chosen = new Map<Meter, { readonly version: PriceVersion; readonly rank: number }>();
  for (const version of versions) {
    if (!applies(version, wish, tier)) continue;
    const rank = rankOf(version, tier);
    const best = chosen.get(version.meter);
    // Newest first: of equal rank the first one stays.
    if (best === undefined || rank > best.rank) chosen.set(version.meter, { version, rank });
  }
  return toQuote(chosen, tier);
}

function applies(version: PriceVersion, wish: QuoteWish, tier: string): boolean {
  return (
    version.effectiveFromMs <= wish.atMs &&
    (version.effectiveToMs === null || version.effectiveToMs > wish.atMs) &&
    (version.region === null || version.region === wish.region) &&
    (version.tier === tier || version.tier === STANDARD_TIER) &&
    version.contextFrom <= wish.inputTokens &&
    inWindow(version, wish.atMs)
  );
}

function inWindow({ daily }: PriceVersion, atMs: number): boolean {
  if (daily === null) return true;
  const minute = Math.floor(atMs / 60_000) % DAY_MINUTES;
  if (daily.fromMinute <= daily.toMinute) return minute >= daily.fromMinute && minute < daily.toMinute;
  return minute >= daily.fromMinute || minute < daily.toMinute;
}

/** Tier outranks region outranks band outranks window: 2⁴⁰ is above every context length. */
function rankOf(version: PriceVersion, tier: string): number {
  return (
    (version.tier === tier ? 4 : 0) * 2 ** 40 +
    (version.region === null ? 0 : 2) * 2 ** 40 +
    version.contextFrom * 2 +
    (version.daily === null ? 0 : 1)
  );
}

function toQuote(chosen: ReadonlyMap<Meter, { readonly version: PriceVersion }>, tier: string): PriceQuote | undefined {
  const ids: Partial<Record<Meter, string>> = {};
  const amounts: Partial<Record<Meter, PicoUsd>> = {};
  let currency: string | undefined;
  let confirmed = true;
  for (const meter of METERS) {
    const version = chosen.get(meter)?.version;
    // Currencies never meet: a price in another one than the first is no price.
    if (version === undefined) continue;
    if (currency !== undefined && version.currency !== currency) continue;
    currency = version.currency;
    ids[meter] = version.id;
    amounts[meter] = version.amount;
    confirmed &&= version.confirmed && version.tier === tier;
  }
  return currency === undefined ? undefined : { currency, ids, amounts, confirmed };
}
