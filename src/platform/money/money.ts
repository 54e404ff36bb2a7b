declare const brand: unique symbol;

/** An amount in 10⁻¹² of its currency unit (pico-dollars for USD), exact. Its ISO 4217 code stands beside it (`XTS` for
 *  simulated providers); amounts of two currencies are never added. Never a JavaScript number. */
export type PicoUsd = bigint & { readonly [brand]: never };

/** An amount with its ISO 4217 code, as domain code passes it around. */
export interface Money {
  readonly amount: PicoUsd;
  readonly currency: string;
}

/** An amount with its code as the wire and the audit log write it: exactly 12 decimals. */
export interface WireMoney {
  readonly amount: string;
  readonly currency: string;
}

const SCALE = 12;
const MAX = 10n ** 28n - 1n;
const AMOUNT = /^(-?)(\d{1,16})(?:\.(\d{1,12}))?$/;
const PER_MILLION = 1_000_000n;

/** Brands a count of 10⁻¹² units. @throws RangeError outside numeric(28,12): an amount never wraps or saturates. */
export function picoUsd(units: bigint): PicoUsd {
  if (units > MAX || units < -MAX) throw new RangeError('Amount does not fit numeric(28,12)');
  return units as PicoUsd;
}

/** No money at all, in any currency. */
export const ZERO = picoUsd(0n);

/** Reads a decimal string as PostgreSQL and the API write it. @throws RangeError on exponents, blanks, a 13th decimal. */
export function parseAmount(text: string): PicoUsd {
  const [all, sign = '', whole = '', fraction = ''] = AMOUNT.exec(text) ?? [];
  if (all === undefined) throw new RangeError('Not a decimal amount of at most 16 + 12 digits');
  return picoUsd(BigInt(sign + whole + fraction.padEnd(SCALE, '0')));
}

/** Writes exactly 12 decimals: `parseAmount(formatAmount(a)) === a`. */
export function formatAmount(amount: PicoUsd): string {
  const digits = amount
    .toString()
    .replace('-', '')
    .padStart(SCALE + 1, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`;
}

/** The wire form of an amount: `{"amount":"0.000750000000","currency":"USD"}`. */
export function toWireMoney(money: Money): WireMoney {
  return { amount: formatAmount(money.amount), currency: money.currency };
}

/** Turns a list price per million into the price of one. @throws RangeError when it is no whole number of picos. */
export function perMillion(price: PicoUsd): PicoUsd {
  if (price % PER_MILLION !== 0n) throw new RangeError('The price of one is not a whole number of 10⁻¹² units');
  return picoUsd(price / PER_MILLION);
}

/** Σ of amounts of one currency. @throws RangeError when the sum does not fit. */
export function sum(amounts: Iterable<PicoUsd>): PicoUsd {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return picoUsd(total);
}

/** The larger of two amounts of one currency. */
export function larger(a: PicoUsd, b: PicoUsd): PicoUsd {
  return a > b ? a : b;
}
