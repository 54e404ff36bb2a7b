import { Injectable } from '@nestjs/common';

import { UnitOfWork, type CommitHook, type Tx } from '../platform/database/index.js';
import { AnchorGuard } from './anchors/anchor-guard.js';
import { AuditWriter } from './audit-writer.js';
import { ControlLane } from './control-lane.js';
import type { Lane } from './lane.js';
import { LaneSet, type LaneMarks } from './lane-set.js';
import { LogBook, type OpenLog } from './log-book.js';
import { LaneRepository } from './persistence/lane.repository.js';
import { OpenIntentRepository, type OpenIntent } from './persistence/open-intent.repository.js';
import { VaultRepository } from './persistence/vault.repository.js';
import type { ChangeDraft, PreparedRecord, Receipt, RecordDraft } from './record-draft.js';
import { changeDraft, closingDraft, genesisDrafts, openingDraft } from './record-forms.js';
import { RecordMaker } from './record-maker.js';

/** Writes the evidence log: request records inside the gateway's transactions, administrative records inside everybody's. */
@Injectable()
export class AuditService implements CommitHook, LaneMarks {
  readonly #slots = new Map<number, LaneSet>();
  readonly #control: ControlLane;
  readonly #drafts = new WeakMap<Tx, PreparedRecord[]>();
  readonly #draining = new WeakSet<Tx>();
  readonly #receipts = new WeakMap<PreparedRecord, Receipt>();

  // eslint-disable-next-line no-restricted-syntax -- everything that writes the log meets here
  constructor(
    private readonly maker: RecordMaker,
    private readonly logs: LogBook,
    private readonly lanes: LaneRepository,
    private readonly intents: OpenIntentRepository,
    private readonly contents: VaultRepository,
    private readonly writer: AuditWriter,
    private readonly guard: AnchorGuard,
    unitOfWork: UnitOfWork,
  ) {
    this.#control = new ControlLane(this.#makeLanes());
    unitOfWork.addCommitHook(this);
    logs.onMade((tx, log, predecessor) => this.#writeGenesis(tx, log, predecessor?.origin));
  }

  /** Opens the organisation's log; call it before the first record of an organisation can be due. When the database is behind
   *  an anchor, nothing can be written from then on.
   *  @throws SecretFileError — the log exists and its key does not */
  async ready(orgId: string): Promise<void> {
    const log = await this.logs.ensure(orgId);
    await this.guard.check(log);
  }

  /** Opens the logs of a new half-year and makes next month's partitions. */
  async prepareMonths(): Promise<void> {
    await this.logs.prepareMonths();
  }

  /** Makes commitments and encrypts: everything of a record but its place. Outside of the transaction.
   *  @throws AppError audit_safe_stop — the database lost records; nothing may be dispatched */
  prepare(draft: RecordDraft): PreparedRecord | Promise<PreparedRecord> {
    this.writer.requireRunning();
    return this.maker.prepare(draft);
  }

  /** Records an administrative change in the transaction that makes it: they commit together or not at all. */
  async record(tx: Tx, change: ChangeDraft): Promise<void> {
    await this.recordDraft(tx, changeDraft(change));
  }

  /** The same for a record of any other type. */
  async recordDraft(tx: Tx, draft: RecordDraft): Promise<void> {
    await this.recordPlaced(tx, draft);
  }

  /** The same; what it returns knows the record's place once the transaction is committed. */
  async recordPlaced(tx: Tx, draft: RecordDraft): Promise<() => Receipt> {
    this.writer.requireRunning();
    const record = await this.maker.prepareIn(tx, draft);
    this.#collect(tx, record);
    return () => {
      const receipt = this.#receipts.get(record);
      if (receipt === undefined) throw new Error('The record is not appended');
      return receipt;
    };
  }

  /** Links and appends records on a slot's lanes: the last statements of a flush. Receipts in the order of the records.
   *  @throws FencedLaneError — the flush must be rolled back and run again
   *  @throws AppError audit_safe_stop — the database lost records it had confirmed */
  async appendRequestRecords(tx: Tx, slot: number, records: readonly PreparedRecord[]): Promise<readonly Receipt[]> {
    if (records.length === 0) return [];
    this.writer.requireRunning();
    await this.#insertContent(tx, records);
    return this.#slot(slot).append(tx, records, { relinks: false });
  }

  /** Notes calls that are about to be dispatched, before their intents are appended in the same flush. */
  async insertOpenIntents(
    tx: Tx,
    slot: number,
    rows: readonly (OpenIntent & { readonly orgId: string })[],
  ): Promise<void> {
    for (const [orgId, own] of Map.groupBy(rows, (row) => row.orgId)) {
      const lane = await this.#slot(slot).prepareLane(tx, orgId);
      await this.intents.insert(tx, lane, own, this.writer.nowMs());
    }
  }

  /** Takes the right to end these calls; one that is not returned was ended by somebody else. */
  takeOpenIntents(tx: Tx, requestIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.intents.take(tx, requestIds);
  }

  /** Calls that nobody will end. */
  findOrphans(
    tx: Tx,
    nowMs: number,
    limit: number,
  ): Promise<readonly { readonly requestId: string; readonly intentId: string }[]> {
    return this.intents.findOrphans(tx, nowMs, limit);
  }

  /** Those of these requests whose intent is open. */
  findOpen(tx: Tx, requestIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.intents.findOpen(tx, requestIds);
  }

  /** How many calls are open in the database. */
  countOpenIntents(tx: Tx): Promise<number> {
    return this.intents.count(tx);
  }

  /** The slot's flush is durable. */
  flushCommitted(slot: number): void {
    this.#slot(slot).committed();
  }

  /** Nothing of the slot's flush is in the database. */
  flushRolledBack(slot: number): void {
    this.#slot(slot).rolledBack();
  }

  /** After a connection was lost during COMMIT: whether the flush is in the database, by its lane row. */
  wasFlushCommitted(tx: Tx, slot: number): Promise<boolean> {
    return this.#slot(slot).wasCommitted(tx);
  }

  /** Extends the leases of this process's lanes and forgets those that others closed. */
  async heartbeat(tx: Tx): Promise<void> {
    const sets = this.#sets();
    const ids = sets.flatMap((set) => set.ids());
    if (ids.length === 0) return;
    const closed = await this.lanes.extend(tx, ids);
    for (const set of sets) set.forget(closed);
  }

  /** Closes lanes whose writers are gone and records it; `alone`: no other process can live, leases are not waited for. */
  async closeAbandonedLanes(tx: Tx, alone: boolean): Promise<number> {
    const own = this.#sets().flatMap((set) => set.ids());
    const closed = await this.lanes.closeAbandoned(tx, { own, alone });
    for (const lane of closed) {
      const orgId = await this.logs.findOrg(tx, lane.logId);
      await this.recordDraft(tx, closingDraft(orgId, lane, 'lease'));
    }
    return closed.length;
  }

  /** Closes this process's lanes with the transaction, each with its last record. No call may be in flight. */
  async closeOwnLanes(tx: Tx): Promise<void> {
    await this.#control.take(tx);
    this.#draining.add(tx);
  }

  /** For {@link UnitOfWork}: appends what was collected, as the last statements of the transaction. */
  async beforeCommit(tx: Tx): Promise<void> {
    const records = this.#drafts.get(tx) ?? [];
    const drains = this.#draining.has(tx);
    if (records.length === 0 && !drains) return;
    this.writer.requireRunning();
    await this.#insertContent(tx, records);
    await this.#control.take(tx);
    const receipts = await this.#control.append(tx, records);
    for (const [at, record] of records.entries()) {
      const receipt = receipts[at];
      if (receipt !== undefined) this.#receipts.set(record, receipt);
    }
    if (!drains) return;
    for (const lanes of this.#sets()) await lanes.close(tx);
  }

  /** For {@link UnitOfWork}: the heads follow the transaction. */
  ended(tx: Tx, committed: boolean): void {
    this.#drafts.delete(tx);
    this.maker.ended(tx, committed);
    this.#control.ended(tx, committed);
    if (!this.#draining.delete(tx)) return;
    for (const lanes of this.#slots.values()) {
      if (committed) lanes.committed();
      else lanes.rolledBack();
    }
  }

  /** For {@link LaneSet}: the records that begin a lane. */
  opening(log: OpenLog, lane: string): readonly PreparedRecord[] {
    const { replica, bootId: boot } = this.writer.identity;
    return [this.#markFor(log, openingDraft(log.orgId, { lane, replica, boot, software: this.writer.version }))];
  }

  /** For {@link LaneSet}: the record that ends a lane of this process. */
  closing({ id, log, end }: Lane): PreparedRecord {
    const open = this.logs.byId(log.id);
    return this.#markFor(open, closingDraft(open.orgId, { lane: id, n: end.n, heads: end.heads }, 'drain'));
  }

  /** A record without disclosures needs no data key: it is made at once. */
  #markFor(log: OpenLog, draft: RecordDraft): PreparedRecord {
    const record = this.maker.prepareFor(log, draft);
    if (record instanceof Promise) throw new Error('A record without disclosures waits for a key');
    return record;
  }

  #collect(tx: Tx, record: PreparedRecord): void {
    const waiting = this.#drafts.get(tx);
    if (waiting === undefined) this.#drafts.set(tx, [record]);
    else waiting.push(record);
  }

  async #insertContent(tx: Tx, records: readonly PreparedRecord[]): Promise<void> {
    await this.contents.insertContent(
      tx,
      records.flatMap(({ content }) => content),
    );
  }

  #sets(): readonly LaneSet[] {
    return [...this.#slots.values(), this.#control.lanes];
  }

  #slot(slot: number): LaneSet {
    let lanes = this.#slots.get(slot);
    if (lanes === undefined) {
      lanes = this.#makeLanes();
      this.#slots.set(slot, lanes);
    }
    return lanes;
  }

  #makeLanes(): LaneSet {
    return new LaneSet(this.lanes, this.logs, this.writer, this);
  }

  /** The first records of a new log, in the transaction that makes it. */
  async #writeGenesis(tx: Tx, log: OpenLog, predecessorOrigin: string | undefined): Promise<void> {
    const facts = {
      software: this.writer.version,
      config: this.maker.configHash(),
      content: this.writer.content,
      durability: this.writer.identity.durability,
    };
    for (const draft of genesisDrafts(log, predecessorOrigin, facts)) {
      this.#collect(tx, await this.maker.prepareFor(log, draft));
    }
  }
}
