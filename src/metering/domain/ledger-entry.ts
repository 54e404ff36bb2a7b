import type { PicoUsd } from '../../platform/money/index.js';

/** Movements of money. Source: money page §8. */
export const LEDGER_KINDS = ['HOLD', 'EXTEND', 'SHRINK', 'SETTLE', 'RELEASE', 'EXPIRE', 'ADJUST'] as const;

/** One of {@link LEDGER_KINDS}. */
export type LedgerKind = (typeof LEDGER_KINDS)[number];

/** One movement on any number of balances. Nothing is edited: a correction is another entry. */
export interface LedgerEntry {
  readonly id: string;
  readonly orgId: string;
  readonly atMs: number;
  /** `null` only for ADJUST. */
  readonly holdId: string | null;
  readonly requestId: string | null;
  readonly kind: LedgerKind;
  readonly currency: string;
  /** HOLD: what was held for the call; EXTEND, SHRINK: by how much that grew or fell, never negative. SETTLE, ADJUST:
   *  what was charged. RELEASE, EXPIRE: zero. Independent of any budget. */
  readonly amount: PicoUsd;
  /** Balances and their movements, three arrays of one length; empty when no budget covers the call. */
  readonly balanceIds: readonly number[];
  readonly heldDeltas: readonly PicoUsd[];
  readonly postedDeltas: readonly PicoUsd[];
  readonly reason: string;
  readonly ref: string | null;
}
