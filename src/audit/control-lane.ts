import type { Tx } from '../platform/database/index.js';
import type { LaneSet } from './lane-set.js';
import type { PreparedRecord, Receipt } from './record-draft.js';

/** The lanes that all administrative transactions of a process share: whoever appends keeps them until its transaction has
 *  ended, the others wait. */
export class ControlLane {
  readonly #releases = new WeakMap<Tx, () => void>();
  #last: Promise<void> = Promise.resolve();

  constructor(readonly lanes: LaneSet) {}

  /** Takes the lanes for a transaction; {@link ended} must follow. */
  async take(tx: Tx): Promise<void> {
    if (this.#releases.has(tx)) return;
    const before = this.#last;
    this.#last = new Promise((resolve) => {
      this.#releases.set(tx, resolve);
    });
    await before;
  }

  /** Appends as the last statements of a transaction that has taken the lanes. */
  async append(tx: Tx, records: readonly PreparedRecord[]): Promise<readonly Receipt[]> {
    return this.lanes.append(tx, records, { relinks: true });
  }

  /** The transaction has ended: the heads follow it and the next one may go on. */
  ended(tx: Tx, committed: boolean): void {
    const release = this.#releases.get(tx);
    if (release === undefined) return;
    if (committed) this.lanes.committed();
    else this.lanes.rolledBack();
    this.#releases.delete(tx);
    release();
  }
}
