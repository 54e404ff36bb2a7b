import type { DataSource, QueryRunner } from 'typeorm';

import type { Clock } from '../clock/index.js';
import { AppError } from '../errors/index.js';
import { jitter } from '../ids/index.js';
import { databaseError, isDatabaseAway, isTransientConflict } from './database-error.js';
import { closeTx, openTx, type Tx } from './unit-of-work.js';

const MAX_ITEMS = 256;
const MAX_QUEUE = 10_000;
const MAX_TRIES = 3;
const LOCK_TIMEOUT_MS = 2_000;

/** What one flush does. `run` writes for all items in one transaction and answers each, in order. */
export interface Flush<Item, Outcome> {
  run(tx: Tx, items: readonly Item[]): Promise<readonly Outcome[]>;
  /** The transaction is durable. */
  committed(): void;
  /** Nothing of the transaction is in the database. */
  rolledBack(): void;
  /** The connection was lost during COMMIT: asks the database, on a new connection, what became of it. */
  wasCommitted(tx: Tx): Promise<boolean>;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** How a queue flushes. */
export interface GroupCommitOptions {
  /** `relaxed`: COMMIT does not wait for the disk; for measuring only. */
  readonly durability: 'strict' | 'relaxed';
  /** Told of each flush, settled or not: its items and how long it took. Must not throw. */
  readonly measure: (items: number, seconds: number) => void;
}

/** One queue, one connection, one transaction in flight: everyone who waits shares the next fsync. */
export class GroupCommit<Item, Outcome> {
  readonly #queue: Waiting<Item, Outcome>[] = [];
  #flushing: Promise<void> | undefined;
  #runner: QueryRunner | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
    private readonly flush: Flush<Item, Outcome>,
    private readonly options: GroupCommitOptions,
  ) {}

  /** Items that wait for their flush. */
  get depth(): number {
    return this.#queue.length;
  }

  /** Resolves after COMMIT with the item's outcome; rejects when the item is not in the database.
   *  @throws AppError capacity_shed — 10 000 items wait already; dependency_unavailable — the database is away */
  join(item: Item): Promise<Outcome> {
    if (this.#queue.length >= MAX_QUEUE) {
      return Promise.reject(
        new AppError('capacity_shed', 'Too many calls wait for the ledger. Try again in a moment.', {
          retryAfterSeconds: 2,
        }),
      );
    }
    return new Promise<Outcome>((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      // The turn of the event loop is the linger: everything that became ready in it shares the flush.
      this.#flushing ??= new Promise<void>((done) => setImmediate(done)).then(() => this.#drain());
    });
  }

  /** Resolves when nothing waits any more; then gives the connection back. */
  async close(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    await this.#dropRunner();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const batch = this.#queue.splice(0, MAX_ITEMS);
        const startedMs = this.clock.monotonicMs();
        await this.#settle(batch);
        this.options.measure(batch.length, (this.clock.monotonicMs() - startedMs) / 1_000);
      }
    } finally {
      this.#flushing = undefined;
    }
  }

  /** Never throws: each waiting item learns its own fate. A poisoned item is found by halving and fails alone. */
  async #settle(batch: readonly Waiting<Item, Outcome>[]): Promise<void> {
    try {
      const outcomes = await this.#commitWithRetry(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => {
        resolve(outcomes[index] as Outcome);
      });
    } catch (error) {
      if (batch.length === 1 || isDatabaseAway(error) || error instanceof UnclearCommit) {
        const shown = databaseError(error instanceof UnclearCommit ? error.cause : error);
        for (const { reject } of batch) reject(shown);
        return;
      }
      const middle = Math.ceil(batch.length / 2);
      await this.#settle(batch.slice(0, middle));
      await this.#settle(batch.slice(middle));
    }
  }

  async #commitWithRetry(items: readonly Item[]): Promise<readonly Outcome[]> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#commit(items);
      } catch (error) {
        if (tried >= MAX_TRIES || !isTransientConflict(error)) throw error;
        await this.clock.sleep(jitter() * 20 * tried);
      }
    }
  }

  async #commit(items: readonly Item[]): Promise<readonly Outcome[]> {
    const runner = await this.#connected();
    await runner.startTransaction('READ COMMITTED');
    const tx = openTx(runner);
    let outcomes: readonly Outcome[];
    try {
      outcomes = await this.flush.run(tx, items);
      if (outcomes.length !== items.length) throw new Error('A flush must answer every item');
    } catch (error) {
      await runner.rollbackTransaction().catch(() => this.#dropRunner());
      this.flush.rolledBack();
      if (isDatabaseAway(error)) await this.#dropRunner();
      throw error;
    } finally {
      closeTx(tx);
    }
    try {
      await runner.commitTransaction();
    } catch (error) {
      await this.#dropRunner();
      if (!(await this.#wasCommitted(error))) throw error;
    }
    this.flush.committed();
    return outcomes;
  }

  async #wasCommitted(cause: unknown): Promise<boolean> {
    if (!isDatabaseAway(cause)) {
      this.flush.rolledBack();
      return false;
    }
    try {
      const runner = await this.#connected();
      await runner.startTransaction('READ COMMITTED');
      const tx = openTx(runner);
      try {
        const committed = await this.flush.wasCommitted(tx);
        if (!committed) this.flush.rolledBack();
        return committed;
      } finally {
        closeTx(tx);
        await runner.rollbackTransaction();
      }
    } catch (error) {
      throw new UnclearCommit('The outcome of a COMMIT is not known', { cause: error });
    }
  }

  async #connected(): Promise<QueryRunner> {
    if (this.#runner !== undefined) return this.#runner;
    const runner = this.dataSource.createQueryRunner();
    try {
      const client = (await runner.connect()) as {
        query(text: string): Promise<unknown>;
        on(event: string, f: () => void): void;
      };
      // A connection that dies while idle must not end the process; the next flush opens a new one.
      client.on('error', () => {
        if (this.#runner === runner) this.#runner = undefined;
      });
      await client.query(`SET lock_timeout = ${String(LOCK_TIMEOUT_MS)}`);
      if (this.options.durability === 'relaxed') await client.query('SET synchronous_commit = off');
    } catch (error) {
      await runner.release().catch(() => undefined);
      throw error;
    }
    this.#runner = runner;
    return runner;
  }

  async #dropRunner(): Promise<void> {
    const runner = this.#runner;
    this.#runner = undefined;
    await runner?.release().catch(() => undefined);
  }
}

/** Neither "written" nor "not written" can be claimed: the reconciler decides when the database is back. */
class UnclearCommit extends Error {
  override readonly name = 'UnclearCommit';
}
