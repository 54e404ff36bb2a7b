import type { Tx } from '../platform/database/index.js';
import type { PicoUsd } from '../platform/money/index.js';

/** A later change of what a request cost. */
export interface ChargeChange {
  readonly requestId: string;
  readonly currency: string;
  readonly amount: PicoUsd;
}

/** Balances a change moved, as a ledger entry names them. */
export interface MovedWindows {
  readonly balanceIds: readonly number[];
  readonly postedDeltas: readonly PicoUsd[];
}

/** What a charge that changes afterwards does to budgets. Declared here, supplied by whoever keeps balances. */
export abstract class PostedWindows {
  /** Moves the windows the requests were posted in, as far as those still run: a closed window changes in reports, never in
   *  enforcement. By request id; a request without an entry moved nothing. Durable with the caller's transaction. */
  abstract change(tx: Tx, changes: readonly ChargeChange[]): Promise<ReadonlyMap<string, MovedWindows>>;
}
