import type { PicoUsd } from '../../platform/money/index.js';
import type { Meter } from './meter.js';
import { STANDARD_TIER } from './price-book.js';
import type { PriceDraft, StoredPrice } from './price-draft.js';

/** A price of a list; without a start it takes effect when the list is put in force. */
export type ListedPrice = Omit<PriceDraft, 'effectiveFromMs'> & { readonly effectiveFromMs: number | null };

/** What a listed price would change. */
export interface PriceChange {
  readonly price: ListedPrice;
  readonly verdict: 'NEW' | 'DEARER' | 'CHEAPER' | 'SAME';
  /** The price of the same selection in force at its start; null: there is none. */
  readonly before: StoredPrice | null;
}

/** Kinds that cost what the kind costs that contains them, where a vendor does not price them apart. Source: money page §1. */
const CONTAINED: readonly (readonly [Meter, Meter])[] = [
  ['reasoning', 'output'],
  ['cachedInput', 'input'],
  ['cacheWrite', 'input'],
];

type Selected = Pick<PriceDraft, 'vendor' | 'model' | 'region' | 'tier' | 'contextFrom' | 'daily'>;

function selectionOf({ vendor, model, region, tier, contextFrom, daily }: Selected): string {
  const minutes = daily === undefined || daily === null ? null : [daily.fromMinute, daily.toMinute];
  return JSON.stringify([vendor, model, region ?? null, tier ?? STANDARD_TIER, contextFrom ?? 0, minutes]);
}

const keyOf = (price: Selected & { readonly meter: Meter }): string => `${selectionOf(price)} ${price.meter}`;

/** Stored prices of some models, found by selection and instant. */
class InForce {
  readonly #byKey: ReadonlyMap<string, readonly StoredPrice[]>;

  constructor(stored: readonly StoredPrice[]) {
    const newestFirst = [...stored].sort((a, b) => b.effectiveFromMs - a.effectiveFromMs);
    this.#byKey = Map.groupBy(newestFirst, keyOf);
  }

  at(key: string, atMs: number): StoredPrice | null {
    const version = this.#byKey.get(key)?.find(({ effectiveFromMs }) => effectiveFromMs <= atMs);
    return version === undefined || (version.effectiveToMs !== null && version.effectiveToMs <= atMs) ? null : version;
  }
}

/** Adds the kinds that a list does not price apart: `reasoning` as `output`, `cachedInput` and `cacheWrite` as `input`. Decided at
 *  import, never when charging. A kind that is in force at a price of its own stays as it is. Pure. */
export function withContainedKinds(
  list: readonly ListedPrice[],
  stored: readonly StoredPrice[],
  nowMs: number,
): readonly ListedPrice[] {
  const inForce = new InForce(stored);
  const listed = new Set(list.map(keyOf));
  const added = list.flatMap((price) =>
    CONTAINED.filter(([, whole]) => whole === price.meter).flatMap(([kind]): readonly ListedPrice[] => {
      const key = keyOf({ ...price, meter: kind });
      if (listed.has(key)) return [];
      const atMs = price.effectiveFromMs ?? nowMs;
      const apart = inForce.at(key, atMs);
      const whole = inForce.at(keyOf(price), atMs);
      if (apart !== null && apart.amount !== whole?.amount) return [];
      const source = `${price.source}; not priced apart, as ${price.meter}`.slice(0, 500);
      return [{ ...price, meter: kind, source }];
    }),
  );
  return [...list, ...added];
}

/** Compares a list with what is in force at the start of each of its prices. In the order of the list. Pure. */
export function diffPrices(
  list: readonly ListedPrice[],
  stored: readonly StoredPrice[],
  nowMs: number,
): readonly PriceChange[] {
  const inForce = new InForce(stored);
  return list.map((price) => {
    const before = inForce.at(keyOf(price), price.effectiveFromMs ?? nowMs);
    return { price, before, verdict: before === null ? 'NEW' : verdictOf(before.amount, price.amount) };
  });
}

function verdictOf(before: PicoUsd, after: PicoUsd): PriceChange['verdict'] {
  if (after === before) return 'SAME';
  return after > before ? 'DEARER' : 'CHEAPER';
}

/** Where a list names one selection and start twice; undefined: nowhere. */
export function findRepeated(list: readonly ListedPrice[]): ListedPrice | undefined {
  const seen = new Set<string>();
  return list.find((price) => {
    const key = `${keyOf(price)} ${String(price.effectiveFromMs)}`;
    if (seen.has(key)) return true;
    seen.add(key);
    return false;
  });
}
