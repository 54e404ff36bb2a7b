import type { Hold } from '../../budgets/index.js';
import type { AttemptRecord } from '../../providers/index.js';
import type { ChargedCall } from '../domain/charge-attempts.js';
import type { CallEnd } from './call-records.js';
import type { OpenedCall } from './open-call.js';

/** The end of a call as the pipeline hands it over. */
export interface EndedCall {
  readonly attempts: readonly AttemptRecord[];
  /** The hold as it stands at the end. Absent: as it was made. */
  readonly hold?: Hold;
  readonly end: CallEnd;
  /** Bytes that were delivered, for the record. */
  readonly response: Buffer;
  /** The `aip` member as callers see it, once the charge is known. */
  describe(charged: ChargedCall): Readonly<Record<string, unknown>>;
}

/** What is needed to open a call: everything of {@link OpenedCall} that is known before the hold. */
export type OpenRequest = Omit<OpenedCall, 'hold' | 'intentId' | 'intentReceipt' | 'openedAtMs' | 'currency'> & {
  readonly exhibits: readonly string[];
  readonly deadlineAtMs: number;
};
