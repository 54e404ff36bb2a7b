import { newId } from '../platform/ids/index.js';
import type { Tx } from '../platform/database/index.js';
import { Lane } from './lane.js';
import type { LogBook, OpenLog } from './log-book.js';
import type { LaneRepository } from './persistence/lane.repository.js';
import type { PreparedRecord, Receipt } from './record-draft.js';

/** A lane was closed under its writer: somebody took this process for dead. The flush is rolled back and linked anew. */
export class FencedLaneError extends Error {
  override readonly name = 'FencedLaneError';
  /** The group commit runs the flush again: with a new lane it can pass. */
  readonly code = '40001';
}

/** Makes the records that open a lane. */
export type LaneOpening = (log: OpenLog, lane: string) => readonly PreparedRecord[];

/** The lanes that one writer (a group-commit slot, or the control mutex) owns, one per log; opened on first use. One
 *  transaction is in flight at a time. */
export class LaneSet {
  readonly #lanes = new Map<number, Lane>();
  readonly #touched = new Set<Lane>();
  readonly #opening = new Set<Lane>();

  constructor(
    private readonly lanes: LaneRepository,
    private readonly logs: LogBook,
    private readonly identity: {
      readonly replica: string;
      readonly bootId: string;
      readonly durability: 'strict' | 'relaxed';
    },
    private readonly opening: LaneOpening,
  ) {}

  /** Ids of the open lanes. */
  ids(): readonly string[] {
    return [...this.#lanes.values()].map(({ id }) => id);
  }

  /** Links and appends records, in order, each on the lane of its organisation's log.
   *  @throws FencedLaneError — a lane was closed or moved by somebody else */
  async append(tx: Tx, records: readonly PreparedRecord[], nowMicros: number): Promise<readonly Receipt[]> {
    const receipts = new Map<string, Receipt>();
    for (const [orgId, own] of Map.groupBy(records, (record) => record.orgId)) {
      const log = this.logs.current(orgId);
      const lane = await this.#laneOf(tx, log);
      const linked = lane.link(lane.length === 0 ? [...this.opening(log, lane.id), ...own] : own, nowMicros);
      if (!(await this.lanes.append(tx, linked.batch))) {
        this.#lanes.delete(log.id);
        throw new FencedLaneError(`Lane ${lane.id} was closed by another process`);
      }
      for (const receipt of linked.receipts) receipts.set(receipt.recordId, receipt);
    }
    return records.map(({ id }) => {
      const receipt = receipts.get(id);
      if (receipt === undefined) throw new Error('A record was linked without a receipt');
      return receipt;
    });
  }

  /** Makes sure that the lane row exists in this transaction, for rows that point at it before the append. */
  async prepareLane(tx: Tx, orgId: string): Promise<string> {
    return (await this.#laneOf(tx, this.logs.current(orgId))).id;
  }

  /** What was appended since the last call is durable. */
  committed(): void {
    for (const lane of this.#touched) lane.committed();
    this.#touched.clear();
    this.#opening.clear();
  }

  /** Nothing of it is in the database. */
  rolledBack(): void {
    for (const lane of this.#touched) lane.rolledBack();
    for (const lane of this.#opening) this.#lanes.delete(lane.log.id);
    this.#touched.clear();
    this.#opening.clear();
  }

  /** After a lost connection: what became of the flush, by the lane rows. Each lane of one transaction answers alike. */
  async wasCommitted(tx: Tx): Promise<boolean> {
    for (const lane of this.#touched) {
      const found = await this.lanes.findLocked(tx, lane.id);
      return found !== undefined && lane.isPending(found);
    }
    return false;
  }

  /** Forgets lanes that are no longer open in the database. */
  keepOnly(open: ReadonlySet<string>): void {
    for (const [logId, lane] of this.#lanes) {
      if (!open.has(lane.id) && !this.#touched.has(lane)) this.#lanes.delete(logId);
    }
  }

  /** The open lanes, for closing. */
  all(): readonly Lane[] {
    return [...this.#lanes.values()];
  }

  async #laneOf(tx: Tx, log: OpenLog): Promise<Lane> {
    const known = this.#lanes.get(log.id);
    if (known !== undefined) {
      this.#touched.add(known);
      return known;
    }
    const lane = new Lane(newId(), log, this.identity.durability);
    await this.lanes.insert(tx, {
      lane: lane.id,
      logId: log.id,
      replica: this.identity.replica,
      bootId: this.identity.bootId,
    });
    this.#lanes.set(log.id, lane);
    this.#opening.add(lane);
    this.#touched.add(lane);
    return lane;
  }
}
