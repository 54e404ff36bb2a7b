import type { Receipt } from '../../audit/index.js';
import type { Hold } from '../../budgets/index.js';
import type { Charge } from '../../cases/index.js';
import type { Criticality } from '../../platform/security/index.js';
import type { ConfigSnapshot } from '../../platform/snapshot/index.js';
import type { Ranked, RouteDecision } from '../../routing/index.js';
import type { IncomingCall } from '../domain/incoming-call.js';

/** What was decided about a call and is on record: its hold, its plan, its intent. */
export interface OpenedCall {
  readonly call: IncomingCall;
  readonly charge: Charge;
  readonly snapshot: ConfigSnapshot;
  readonly decision: RouteDecision;
  /** The part of the plan that is held for, in order. */
  readonly plan: readonly Ranked[];
  readonly hold: Hold;
  readonly intentId: string;
  readonly intentReceipt: Receipt;
  readonly openedAtMs: number;
  readonly inputTokens: number;
  readonly outputBound: number;
  /** Most tokens of the call, over all choices and attempts that run at once. */
  readonly worstTokens: number;
  readonly criticality: Criticality;
  readonly currency: string;
}

/** Writes the end of a call. */
export interface CallStore<End> {
  settle(opened: OpenedCall, end: End): Promise<Receipt | undefined>;
  abandon(opened: OpenedCall): Promise<void>;
}

/** A call whose money is held and whose intent is on record. Take it with `await using`: a scope that ends before anyone tried
 *  to settle releases the money and records the outcome `not_sent`. */
export class OpenCall<End> implements AsyncDisposable {
  #open = true;

  constructor(
    private readonly store: CallStore<End>,
    readonly opened: OpenedCall,
  ) {}

  /** Charges what was used, also beyond the held amount (flagged), and records the outcome. Durable when it resolves; undefined
   *  when the reconciler had ended the call before. */
  async settle(end: End): Promise<Receipt | undefined> {
    if (!this.#open) throw new Error(`Call ${this.opened.call.requestId} is settled twice`);
    this.#open = false; // Before the write: when it fails the row stays `held`, tokens were used, the reconciler charges them.
    return this.store.settle(this.opened, end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#open) await this.store.abandon(this.opened);
  }
}
