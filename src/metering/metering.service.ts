import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import type { PicoUsd } from '../platform/money/index.js';
import { ConfigSnapshots, type SnapshotPart } from '../platform/snapshot/index.js';
import type { LedgerEntry } from './domain/ledger-entry.js';
import { PriceBook } from './domain/price-book.js';
import { LATE_MS } from './domain/rollup-times.js';
import type { UsageRecord } from './domain/usage-record.js';
import {
  LedgerRepository,
  type BalanceTotals,
  type PastUsage,
  type PastWish,
  type RequestMismatch,
} from './persistence/ledger.repository.js';
import { PriceVersionRepository } from './persistence/price-version.repository.js';
import { UsageRecordRepository } from './persistence/usage-record.repository.js';

const MONTHS_AHEAD = 3;

/** What was used and what it cost: writes of the settlement, and the sums the ledger is checked with. */
@Injectable()
export class MeteringService {
  /** Prices of a configuration. */
  readonly prices: SnapshotPart<PriceBook>;
  #loaded: { readonly value: PriceBook; readonly rows: readonly string[] } | undefined;

  constructor(
    snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
    private readonly usage: UsageRecordRepository,
    private readonly ledger: LedgerRepository,
    priceVersions: PriceVersionRepository,
  ) {
    this.prices = snapshots.register({
      name: 'prices',
      load: async (tx) => {
        // Versions are immutable and never removed: as many as before are the same as before.
        if (this.#loaded?.rows.length !== (await priceVersions.count(tx))) {
          const versions = await priceVersions.findAll(tx);
          this.#loaded = { value: new PriceBook(versions), rows: versions.map(({ id }) => id) };
        }
        return this.#loaded;
      },
    });
  }

  /** Adds usage records, all attempts of a request at once. Throws when an attempt of a request is written twice. */
  async insertUsage(tx: Tx, records: readonly UsageRecord[]): Promise<void> {
    await this.usage.insert(tx, records);
    const nowMs = this.clock.nowMs();
    const late = records.filter(({ atMs }) => atMs < nowMs - LATE_MS);
    if (late.length === 0) return;
    const instants = late.map(({ atMs }) => atMs);
    await this.usage.markLate(tx, instants, nowMs);
  }

  /** Adds ledger entries. */
  async insertLedger(tx: Tx, entries: readonly LedgerEntry[]): Promise<void> {
    await this.ledger.insert(tx, entries);
  }

  /** Makes the tables of this month and the next two, so that none is missing when its first row comes. Idempotent. */
  async ensureMonths(): Promise<void> {
    await this.unitOfWork.run((tx) => this.ensureMonthsFrom(tx, this.clock.nowMs(), MONTHS_AHEAD));
  }

  /** Makes the tables of `months` months from the one of `fromMs` on; for histories that are loaded. `months`: 1…60. */
  async ensureMonthsFrom(tx: Tx, fromMs: number, months: number): Promise<void> {
    await this.usage.ensureMonths(tx, fromMs, months);
  }

  /** What a scope used in a stretch of time. */
  async findPastUsage(tx: Tx, wish: PastWish): Promise<PastUsage> {
    return this.ledger.findPastUsage(tx, wish);
  }

  /** Σ of the ledger per balance. Reads the whole ledger: for checks, not for requests. */
  async findBalanceTotals(tx: Tx): Promise<readonly BalanceTotals[]> {
    return this.ledger.findBalanceTotals(tx);
  }

  /** Holds resolved twice, or not giving back what they took; at most 100. */
  async findUnbalancedHolds(tx: Tx): Promise<readonly string[]> {
    return this.ledger.findUnbalancedHolds(tx);
  }

  /** Holds that were opened more than once, or that moved after their end; at most 100. */
  async findDisorderedHolds(tx: Tx): Promise<readonly string[]> {
    return this.ledger.findDisorderedHolds(tx);
  }

  /** What unresolved holds hold, by `hold|balance`. */
  async findHeldByHold(tx: Tx): Promise<ReadonlyMap<string, PicoUsd>> {
    return this.ledger.findHeldByHold(tx);
  }

  /** Holds the ledger has not resolved, at most `limit`. */
  async findOpenHolds(tx: Tx, limit: number): Promise<readonly string[]> {
    return this.ledger.findOpenHolds(tx, limit);
  }

  /** The balances that the charges of these requests were posted on, by request. */
  async findPostedBalances(tx: Tx, requestIds: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>> {
    return this.ledger.findPostedBalances(tx, requestIds);
  }

  /** Requests whose attempts do not add up to their charge; at most 100. */
  async findMismatchedRequests(tx: Tx): Promise<readonly RequestMismatch[]> {
    return this.ledger.findMismatchedRequests(tx);
  }
}
