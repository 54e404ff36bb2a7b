import type { OpenIntent, PreparedRecord, Receipt } from '../../audit/index.js';
import type { Ask, Hold, Settle, Shrink, Verdict } from '../../budgets/index.js';
import type { UsageRecord } from '../../metering/index.js';
import type { DecisionRow } from '../../routing/index.js';
import type { OpenCallFacts } from '../persistence/open-call.repository.js';
import type { GenerationRow } from '../persistence/generation.repository.js';

/** A call that wants money held and its intent on record before it is dispatched. */
export interface OpenItem {
  readonly kind: 'open';
  readonly ask: Ask;
  readonly intent: PreparedRecord;
  readonly open: OpenIntent & { readonly orgId: string };
  readonly decision: DecisionRow;
  readonly facts: OpenCallFacts;
}

/** A call that ended: its hold is resolved, its usage charged, its end recorded. */
export interface SettleItem {
  readonly kind: 'settle';
  readonly requestId: string;
  readonly settle: Settle;
  readonly usage: readonly UsageRecord[];
  /** Attempts, then the outcome. */
  readonly records: readonly PreparedRecord[];
  /** Makes the record that is written instead when somebody else ended the call already; what it was charged is corrected then.
   *  Null: this end is a guess, and gives way to whatever is on record. */
  readonly late: (() => PreparedRecord | Promise<PreparedRecord>) | null;
  readonly generation: Omit<GenerationRow, 'receipts'> & { readonly intentReceipt: string | null };
}

/** A call that wants more held before its next attempt. */
export interface ExtendItem {
  readonly kind: 'extend';
  readonly ask: Ask;
}

/** A call whose serving deployment is known: what only others could have cost is given back. */
export interface ShrinkItem {
  readonly kind: 'shrink';
  readonly shrink: Shrink;
}

/** A record that belongs to no hold. */
export interface RecordItem {
  readonly kind: 'record';
  readonly record: PreparedRecord;
}

/** What can join a flush. */
export type SettlementItem = OpenItem | SettleItem | ExtendItem | ShrinkItem | RecordItem;

/** What became of an item. */
export type SettlementOutcome =
  | { readonly kind: 'held'; readonly hold: Hold; readonly keep: readonly string[]; readonly receipt: Receipt }
  | { readonly kind: 'not_held'; readonly verdict: Exclude<Verdict, { kind: 'held' }> }
  | { readonly kind: 'extended'; readonly hold: Hold }
  /** Null: it was changed or ended meanwhile. */
  | { readonly kind: 'shrunk'; readonly hold: Hold | null }
  | { readonly kind: 'settled'; readonly receipt: Receipt }
  | { readonly kind: 'late' }
  | { readonly kind: 'recorded'; readonly receipt: Receipt };
