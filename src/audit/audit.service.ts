import { Injectable } from '@nestjs/common';

import { UnitOfWork, type CommitHook, type Tx } from '../platform/database/index.js';
import { AuditWriter } from './audit-writer.js';
import { FORMAT } from './domain/core.js';
import type { Disclosure } from './domain/commitment.js';
import { LaneSet } from './lane-set.js';
import { LogBook, type OpenLog } from './log-book.js';
import { LaneRepository, type ClosedLane } from './persistence/lane.repository.js';
import { OpenIntentRepository, type OpenIntent } from './persistence/open-intent.repository.js';
import { VaultRepository } from './persistence/vault.repository.js';
import type { ChangeDraft, PreparedRecord, Receipt, RecordDraft } from './record-draft.js';
import { RecordMaker } from './record-maker.js';

/** Writes the evidence log: request records inside the gateway's transactions, administrative records inside everybody's. */
@Injectable()
export class AuditService implements CommitHook {
  readonly #slots = new Map<number, LaneSet>();
  readonly #control: LaneSet;
  readonly #drafts = new WeakMap<Tx, PreparedRecord[]>();
  #mutex: Promise<void> = Promise.resolve();
  readonly #held = new WeakMap<Tx, () => void>();

  constructor(
    private readonly maker: RecordMaker,
    private readonly logs: LogBook,
    private readonly lanes: LaneRepository,
    private readonly intents: OpenIntentRepository,
    private readonly contents: VaultRepository,
    private readonly writer: AuditWriter,
    private readonly unitOfWork: UnitOfWork,
  ) {
    this.#control = this.#makeLanes();
    unitOfWork.addCommitHook(this);
    logs.onMade((log) => this.#writeGenesis(log));
  }

  /** Opens the organisation's log; call it before the first record of an organisation can be due. */
  async ready(orgId: string): Promise<void> {
    await this.logs.ensure(orgId);
  }

  /** Makes next month's partitions. */
  async prepareMonths(): Promise<void> {
    await this.logs.prepareMonths();
  }

  /** Makes commitments and encrypts: everything of a record but its place. Outside of the transaction. */
  prepare(draft: RecordDraft): PreparedRecord | Promise<PreparedRecord> {
    return this.maker.prepare(draft);
  }

  /** Records an administrative change in the transaction that makes it: they commit together or not at all. */
  async record(tx: Tx, change: ChangeDraft): Promise<void> {
    const prepared = await this.maker.prepare(draftOf(change));
    const waiting = this.#drafts.get(tx);
    if (waiting === undefined) this.#drafts.set(tx, [prepared]);
    else waiting.push(prepared);
  }

  /** The same for a record of any other type. */
  async recordDraft(tx: Tx, draft: RecordDraft): Promise<void> {
    const prepared = await this.maker.prepare(draft);
    this.#drafts.set(tx, [...(this.#drafts.get(tx) ?? []), prepared]);
  }

  /** Links and appends records on a slot's lanes: the last statements of a flush. Receipts in the order of the records.
   *  @throws FencedLaneError — the flush must be rolled back and run again */
  async appendRequestRecords(tx: Tx, slot: number, records: readonly PreparedRecord[]): Promise<readonly Receipt[]> {
    if (records.length === 0) return [];
    const receipts = await this.#slot(slot).append(tx, records, this.writer.nowMicros());
    await this.contents.insertContent(
      tx,
      records.flatMap(({ content }) => content),
    );
    return receipts;
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
    const sets = [...this.#slots.values(), this.#control];
    const ids = sets.flatMap((set) => set.ids());
    if (ids.length === 0) return;
    const open = await this.lanes.extend(tx, ids);
    for (const set of sets) set.keepOnly(open);
  }

  /** Closes lanes whose writers are gone and records it; `alone`: no other process can live, leases are not waited for. */
  async closeAbandonedLanes(tx: Tx, alone: boolean): Promise<number> {
    const own = [...this.#slots.values(), this.#control].flatMap((set) => set.ids());
    const closed = await this.lanes.closeAbandoned(tx, { own, alone });
    for (const lane of closed) {
      const orgId = await this.logs.findOrg(tx, lane.logId);
      await this.recordDraft(tx, laneClosed(lane, orgId, 'lease'));
    }
    return closed.length;
  }

  /** Closes this process's lanes, each with its last record. Nothing may be in flight. */
  async closeOwnLanes(tx: Tx): Promise<void> {
    for (const [slot, set] of this.#slots) {
      const open = set.all().filter(({ length }) => length > 0);
      for (const lane of open) {
        const orgId = this.logs.orgOf(lane.log.id);
        const closing = await this.maker.prepare(
          laneClosed({ lane: lane.id, logId: lane.log.id, n: lane.length, heads: lane.heads }, orgId, 'drain'),
        );
        await set.append(tx, [closing], this.writer.nowMicros());
        await this.lanes.close(tx, lane.id);
      }
      this.#slots.set(slot, set);
    }
  }

  async beforeCommit(tx: Tx): Promise<void> {
    const records = this.#drafts.get(tx);
    if (records === undefined) return;
    // One transaction is in flight on the control lanes: the mutex is held until `ended`.
    const before = this.#mutex;
    this.#mutex = new Promise((resolve) => {
      this.#held.set(tx, resolve);
    });
    await before;
    await this.#control.append(tx, records, this.writer.nowMicros());
    await this.contents.insertContent(
      tx,
      records.flatMap(({ content }) => content),
    );
  }

  ended(tx: Tx, committed: boolean): void {
    this.#drafts.delete(tx);
    const release = this.#held.get(tx);
    if (release === undefined) return;
    if (committed) this.#control.committed();
    else this.#control.rolledBack();
    this.#held.delete(tx);
    release();
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
    return new LaneSet(this.lanes, this.logs, this.writer.identity, (log, lane) => this.#openingRecords(log, lane));
  }

  /** The records that begin a lane. */
  #openingRecords(log: OpenLog, lane: string): readonly PreparedRecord[] {
    const { replica, bootId } = this.writer.identity;
    const pub = { boot: bootId, lane, replica, software: this.writer.version };
    // Without disclosures no data key is needed: the preparation is synchronous.
    return [
      this.maker.prepare({ type: 'lane.open', orgId: log.orgId, actor: null, caseId: null, pub }) as PreparedRecord,
    ];
  }

  /** The first record of a new log names its key. */
  async #writeGenesis(log: OpenLog): Promise<void> {
    const pub = { format: FORMAT, reason: 'first', vkey: log.vkey };
    await this.unitOfWork.run((tx) =>
      this.recordDraft(tx, { type: 'log.genesis', orgId: log.orgId, actor: null, caseId: null, pub }),
    );
  }
}

function draftOf(change: ChangeDraft): RecordDraft {
  const { principal, object } = change;
  const orgId = change.orgId ?? principal?.orgId;
  if (orgId === undefined) throw new Error('A change without a principal must name its organisation');
  const disclosures: Disclosure[] = [];
  if (principal !== null) disclosures.push({ class: 'o', name: 'user', value: principal.userId });
  if (change.old !== undefined) disclosures.push({ class: 's', name: 'change.old', value: change.old });
  if (change.new !== undefined) disclosures.push({ class: 's', name: 'change.new', value: change.new });
  if (change.reason !== undefined) disclosures.push({ class: 's', name: 'reason', value: change.reason });
  return {
    type: change.type,
    orgId,
    actor: principal === null ? { kind: 'system', id: 'system' } : { kind: 'user', id: principal.userId },
    caseId: change.caseId ?? null,
    pub: {
      fields: [...change.fields],
      id: object.id,
      kind: object.kind,
      ...(object.version === undefined ? {} : { version: object.version }),
    },
    disclosures,
  };
}

function laneClosed({ lane, n, heads }: ClosedLane, orgId: string, reason: 'lease' | 'drain'): RecordDraft {
  return {
    type: 'lane.close',
    orgId,
    actor: { kind: 'system', id: 'system' },
    caseId: null,
    pub: { heads: { sha256: heads.sha256, 'sha3-256': heads.sha3, sha512: heads.sha512 }, lane, n, reason },
  };
}
