import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';

import { databaseError } from './database-error.js';

declare const txBrand: unique symbol;

/** Proof that a transaction is open. Only {@link UnitOfWork} and the group commit make one. */
export interface Tx {
  readonly [txBrand]: never;
}

/** Runs as the last statements of every {@link UnitOfWork.run}, before COMMIT; `ended` follows whatever happened. */
export interface CommitHook {
  beforeCommit(tx: Tx): Promise<void>;
  ended(tx: Tx, committed: boolean): void;
}

const runners = new WeakMap<Tx, QueryRunner>();

/** Marks a query runner with an open transaction. For platform/database only. */
export function openTx(runner: QueryRunner): Tx {
  const tx = Object.freeze({}) as Tx;
  runners.set(tx, runner);
  return tx;
}

/** Ends the proof: using the `Tx` afterwards throws. For platform/database only. */
export function closeTx(tx: Tx): void {
  runners.delete(tx);
}

function runnerOf(tx: Tx): QueryRunner {
  const runner = runners.get(tx);
  if (runner === undefined) throw new Error('This transaction has ended');
  return runner;
}

/** For persistence/ only: `await managerOf(tx).insert(UsageRecordEntity, rows)`. Throws when the transaction has ended. */
export function managerOf(tx: Tx): EntityManager {
  return runnerOf(tx).manager;
}

/** For persistence/ only: one parametrised statement; resolves to its rows. A `name` makes it a prepared statement of its
 *  connection: use it for hot statements whose text never changes. */
export async function rowsOf<Row>(
  tx: Tx,
  statement: { readonly name?: string; readonly text: string },
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = (await runnerOf(tx).connect()) as {
    query(config: { name?: string; text: string; values: unknown[] }): Promise<{ rows: Row[] }>;
  };
  const { rows } = await client.query({ ...statement, values: values as unknown[] });
  return rows;
}

/** The one way to write. */
@Injectable()
export class UnitOfWork {
  readonly #hooks: CommitHook[] = [];

  constructor(private readonly dataSource: DataSource) {}

  /** Adds statements that end every transaction of {@link run}; called once per hook while the application starts. */
  addCommitHook(hook: CommitHook): void {
    this.#hooks.push(hook);
  }

  /** Runs `work` in one READ COMMITTED transaction; any throw rolls back everything written with its Tx.
   *  @throws AppError dependency_unavailable — the database is away; nothing was written */
  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#transaction('READ COMMITTED', work, this.#hooks);
  }

  /** Runs `work` on one consistent, read-only view of the database. */
  async read<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#transaction('REPEATABLE READ', async (tx) => {
      await rowsOf(tx, { text: 'SET TRANSACTION READ ONLY' });
      return work(tx);
    });
  }

  async #transaction<T>(
    isolation: 'READ COMMITTED' | 'REPEATABLE READ',
    work: (tx: Tx) => Promise<T>,
    hooks: readonly CommitHook[] = [],
  ): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    let committed = false;
    let tx: Tx | undefined;
    try {
      await runner.connect();
      await runner.startTransaction(isolation);
      tx = openTx(runner);
      const result = await work(tx);
      for (const hook of hooks) await hook.beforeCommit(tx);
      await runner.commitTransaction();
      committed = true;
      return result;
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw databaseError(error);
    } finally {
      if (tx !== undefined) {
        for (const hook of hooks) hook.ended(tx, committed);
        closeTx(tx);
      }
      await runner.release().catch(() => undefined);
    }
  }
}
