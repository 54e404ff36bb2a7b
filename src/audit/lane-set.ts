import { newId } from '../platform/ids/index.js';
import type { Tx } from '../platform/database/index.js';
import type { AuditWriter } from './audit-writer.js';
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

/** Records that are durable: none is ever linked again. */
const linkedForGood = new WeakSet<PreparedRecord>();

/** Makes the records that open and close a lane. */
export interface LaneMarks {
  opening(log: OpenLog, lane: string): readonly PreparedRecord[];
  closing(lane: Lane): PreparedRecord;
}

/** The lanes that one writer (a group-commit slot, or the control mutex) owns, one per log; opened on first use. One
 *  transaction is in flight at a time. */
export class LaneSet {
  readonly #lanes = new Map<number, Lane>();
  /** The transaction in flight, and what it has done. */
  #tx: Tx | undefined;
  readonly #records = new Set<PreparedRecord>();
  readonly #touched = new Set<Lane>();
  readonly #opening = new Set<Lane>();
  readonly #closing = new Set<Lane>();

  constructor(
    private readonly lanes: LaneRepository,
    private readonly logs: LogBook,
    private readonly writer: AuditWriter,
    private readonly marks: LaneMarks,
  ) {}

  /** Ids of the open lanes that are in the database. */
  ids(): readonly string[] {
    return [...this.#lanes.values()].filter((lane) => !this.#opening.has(lane)).map(({ id }) => id);
  }

  /** Links and appends records, in order, each on the lane of its log. `relinks`: a lane that was closed is replaced within
   *  the transaction; only for records to which no other row of it refers by lane.
   *  @throws FencedLaneError — a lane was closed by somebody else
   *  @throws AppError audit_safe_stop — the database lost records it had confirmed */
  async append(
    tx: Tx,
    records: readonly PreparedRecord[],
    options: { readonly relinks: boolean },
  ): Promise<readonly Receipt[]> {
    this.#begin(tx);
    this.#claim(records);
    const receipts = new Map<string, Receipt>();
    const byLog = [...Map.groupBy(records, ({ logId }) => logId)].sort(([a], [b]) => a - b);
    for (const [logId, own] of byLog) {
      const log = this.logs.byId(logId);
      const appended =
        (await this.#tryAppend(tx, log, own)) ?? (options.relinks ? await this.#tryAppend(tx, log, own) : undefined);
      if (appended === undefined) throw new FencedLaneError('A lane was closed by another process');
      for (const receipt of appended) receipts.set(receipt.recordId, receipt);
    }
    return records.map(({ id }) => {
      const receipt = receipts.get(id);
      if (receipt === undefined) throw new Error('A record was linked without a receipt');
      return receipt;
    });
  }

  /** Makes sure that the lane row exists in this transaction, for rows that point at it before the append. */
  async prepareLane(tx: Tx, orgId: string): Promise<string> {
    this.#begin(tx);
    return (await this.#laneOf(tx, this.logs.current(orgId))).id;
  }

  /** Ends every lane with the record that closes it. */
  async close(tx: Tx): Promise<void> {
    this.#begin(tx);
    for (const lane of this.#lanes.values()) {
      if (lane.end.n === 0) continue;
      this.#touched.add(lane);
      const { batch } = lane.link(
        [this.marks.closing(lane)],
        this.writer.nowMicros(),
        this.writer.checkpointOf(lane.log.id),
      );
      if (!(await this.lanes.append(tx, batch))) continue;
      await this.lanes.close(tx, lane.id);
      this.#closing.add(lane);
    }
  }

  /** What was appended since the last call is durable. */
  committed(): void {
    for (const lane of this.#touched) lane.committed();
    for (const lane of this.#closing) this.#forget(lane);
    for (const record of this.#records) linkedForGood.add(record);
    this.#settle();
  }

  /** Nothing of it is in the database. */
  rolledBack(): void {
    for (const lane of this.#touched) lane.rolledBack();
    for (const lane of this.#opening) this.#forget(lane);
    this.#settle();
  }

  /** After a lost connection: what became of the flush, by a lane row. All lanes of one transaction answer alike. */
  async wasCommitted(tx: Tx): Promise<boolean> {
    const lane = [...this.#touched].find(({ hasPending }) => hasPending);
    if (lane === undefined) return false;
    const found = await this.lanes.findLocked(tx, lane.id);
    return found !== undefined && lane.isPending(found);
  }

  /** Forgets lanes that others closed. */
  forget(closed: ReadonlySet<string>): void {
    for (const lane of this.#lanes.values()) {
      if (closed.has(lane.id) && !this.#touched.has(lane)) this.#forget(lane);
    }
  }

  /** Undefined when the lane was closed under us: it is forgotten, and the next try opens a new one. */
  async #tryAppend(tx: Tx, log: OpenLog, records: readonly PreparedRecord[]): Promise<readonly Receipt[] | undefined> {
    const lane = await this.#laneOf(tx, log);
    const opening = lane.end.n === 0 ? this.marks.opening(log, lane.id) : [];
    const { batch, receipts } = lane.link(
      [...opening, ...records],
      this.writer.nowMicros(),
      this.writer.checkpointOf(log.id),
    );
    if (await this.lanes.append(tx, batch)) return receipts;
    const found = await this.lanes.findLocked(tx, lane.id);
    if (found?.closed !== true && lane.isBehind(found)) {
      this.writer.stop(
        `lane ${lane.id} stands at ${String(found?.n ?? 0)} in the database and at ${String(lane.length)} here`,
      );
      this.writer.requireRunning();
    }
    this.#forget(lane);
    this.#touched.delete(lane);
    return undefined;
  }

  async #laneOf(tx: Tx, log: OpenLog): Promise<Lane> {
    const known = this.#lanes.get(log.id);
    if (known !== undefined) {
      this.#touched.add(known);
      return known;
    }
    const lane = new Lane(newId(), log, this.writer.identity.durability);
    const { replica, bootId } = this.writer.identity;
    await this.lanes.insert(tx, { lane: lane.id, logId: log.id, replica, bootId });
    this.#lanes.set(log.id, lane);
    this.#opening.add(lane);
    this.#touched.add(lane);
    return lane;
  }

  /** Begins with a transaction. One whose fate was never learned is left behind: its lanes end with their leases. */
  #begin(tx: Tx): void {
    if (this.#tx === tx) return;
    for (const lane of this.#touched) this.#forget(lane);
    this.#settle();
    this.#tx = tx;
  }

  #claim(records: readonly PreparedRecord[]): void {
    for (const record of records) {
      if (this.#records.has(record) || linkedForGood.has(record))
        throw new Error(`Audit record ${record.id} is in the log already: prepare a new one`);
      this.#records.add(record);
    }
  }

  #forget(lane: Lane): void {
    if (this.#lanes.get(lane.log.id) === lane) this.#lanes.delete(lane.log.id);
  }

  #settle(): void {
    this.#tx = undefined;
    this.#records.clear();
    this.#touched.clear();
    this.#opening.clear();
    this.#closing.clear();
  }
}
