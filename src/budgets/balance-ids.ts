import { Injectable } from '@nestjs/common';

import { MeteringService } from '../metering/index.js';
import type { Tx } from '../platform/database/index.js';
import { ZERO } from '../platform/money/index.js';
import type { AskLimit } from './ask.js';
import type { AskLine } from './domain/decide-holds.js';
import { openingEntry } from './ledger-entries.js';
import { OpeningBalances } from './opening-balances.js';
import { balanceKey, BalanceRepository, type BalanceKey } from './persistence/balance.repository.js';

const MAX_CACHED = 100_000;

/** The balances of limits, made on first use. */
@Injectable()
export class BalanceIds {
  /** Key → id of balances; immutable, so it is cached for good. */
  readonly #ids = new Map<string, number>();

  constructor(
    private readonly balances: BalanceRepository,
    private readonly opening: OpeningBalances,
    private readonly metering: MeteringService,
  ) {}

  /** Finds the balances of all these limits; those of a new window or member are made, with what was used in them before.
   *  Returns how limits become lines on their balances, in the same order. */
  async find(tx: Tx, limits: Iterable<AskLimit>, nowMs: number): Promise<(limits: readonly AskLimit[]) => AskLine[]> {
    const missing = new Map<string, AskLimit>();
    for (const limit of limits) {
      const key = keyOf(limit);
      if (!this.#ids.has(key)) missing.set(key, limit);
    }
    const fresh = missing.size > 0 ? await this.#make(tx, [...missing.values()], nowMs) : new Map<string, number>();
    return (asked) =>
      asked.map((limit) => {
        const id = this.#ids.get(keyOf(limit)) ?? fresh.get(keyOf(limit));
        if (id === undefined) throw new Error(`No balance for limit ${limit.limitId}`);
        return { balanceId: id, metric: limit.metric, amount: limit.amount, own: limit.own };
      });
  }

  /** Balances made by this very transaction may vanish with it: they are returned, and remembered by a later flush. */
  async #make(tx: Tx, limits: readonly AskLimit[], nowMs: number): Promise<ReadonlyMap<string, number>> {
    const known = await this.balances.findIds(tx, limits);
    if (this.#ids.size > MAX_CACHED) this.#ids.clear();
    for (const [key, id] of known) this.#ids.set(key, id);
    const unknown = limits.filter((limit) => !known.has(keyOf(limit)));
    if (unknown.length === 0) return known;
    const made = await this.balances.insertMissing(tx, await this.opening.of(tx, unknown));
    const opened = made.filter(({ posted }) => posted !== ZERO);
    await this.metering.insertLedger(
      tx,
      opened.map((balance) => openingEntry(balance, nowMs)),
    );
    return this.balances.findIds(tx, limits);
  }
}

function keyOf({ limitId, subject, startsAtMs }: BalanceKey): string {
  return balanceKey(limitId, subject, startsAtMs);
}
