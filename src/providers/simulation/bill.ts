import { formatAmount, parseAmount, perMillion, picoUsd, type PicoUsd, sum, ZERO } from '../../platform/money/index.js';

import { type SimulatedPartnerName, type SimulatedPrices } from './partners.js';

const MAX_LINES = 20_000;
const KINDS = ['input', 'cachedInput', 'cacheWrite', 'output', 'reasoning'] as const;

/** Tokens a partner charges, in counts that never overlap; whole numbers ≥ 0. */
export type BilledTokens = Readonly<Record<(typeof KINDS)[number], number>>;

/** Nothing was used. */
export const NO_TOKENS: BilledTokens = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 };

/** One request as its partner saw it. */
export interface BillLine {
  readonly partner: SimulatedPartnerName;
  /** The header `x-request-id` of the caller, at most 128 characters; empty when it sent none. */
  readonly requestId: string;
  readonly model: string;
  readonly arrivedAtMs: number;
  readonly stream: boolean;
  /** The status sent; 0 when none was. */
  readonly status: number;
  /** How much of the answer left this process. */
  readonly delivered: 'complete' | 'partial' | 'nothing';
  readonly fault: string | null;
  readonly tokens: BilledTokens;
  readonly amount: PicoUsd;
  readonly currency: 'XTS';
}

/** The charge for `tokens`: Σ tokens × price of one, exact. @throws Error when a used kind has no price: the partner's
 *  data is wrong */
export function chargeFor(tokens: BilledTokens, prices: SimulatedPrices): PicoUsd {
  return sum(
    KINDS.filter((kind) => tokens[kind] > 0).map((kind) => {
      const listed = prices[kind];
      if (listed === undefined) throw new Error(`A simulated model charged ${kind} tokens without a price`);
      return picoUsd(BigInt(tokens[kind]) * perMillion(parseAmount(listed)));
    }),
  );
}

/** A bill line as `GET /__bill` writes it: amounts as decimal strings. */
export function billLineToWire(line: BillLine): Record<string, unknown> {
  return { ...line, amount: formatAmount(line.amount) };
}

/** A partner's own record of what it served: the newest 20 000 requests in the order they ended. */
export class Bill {
  #lines: BillLine[] = [];
  #total: PicoUsd = ZERO;

  add(line: BillLine): void {
    this.#lines.push(line);
    this.#total = picoUsd(this.#total + line.amount);
    if (this.#lines.length >= 2 * MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES);
  }

  /** The newest lines, oldest first; a copy. */
  lines(): readonly BillLine[] {
    return this.#lines.slice(-MAX_LINES);
  }

  /** Σ of every line ever added, also of those no longer kept. */
  get total(): PicoUsd {
    return this.#total;
  }
}
