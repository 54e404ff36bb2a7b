import { Injectable } from '@nestjs/common';

import { formatInstant } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AnchorGuard } from './anchors/anchor-guard.js';
import { FileAnchor } from './anchors/file-anchor.js';
import { AuditWriter } from './audit-writer.js';
import { NO_HEADS } from './domain/chain.js';
import { checkpointText, readCheckpoint } from './domain/checkpoint.js';
import { readNote } from './domain/note.js';
import { sealDigests, sealText } from './domain/seal.js';
import { KeyRing } from './key-ring.js';
import { CheckpointRepository } from './persistence/checkpoint.repository.js';
import { TreeRepository, type TreeState } from './persistence/tree.repository.js';

const SEAL_EVERY_MS = 60_000;

/** Signs what is committed: a checkpoint for each size that is found, and a seal over all lanes once a minute. Any process with
 *  the log's key may do it; one size has one note. */
@Injectable()
export class CheckpointSigner {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly tree: TreeRepository,
    private readonly checkpoints: CheckpointRepository,
    private readonly keys: KeyRing,
    private readonly writer: AuditWriter,
    private readonly guard: AnchorGuard,
    private readonly anchor: FileAnchor,
  ) {}

  /** Signs every log that grew since its newest checkpoint; then takes note of the newest ones, for records to name. Returns
   *  how many it signed. */
  async sign(): Promise<number> {
    if (this.writer.stopReason !== undefined) return 0;
    const unsigned = await this.unitOfWork.read((tx) => this.tree.findUnsigned(tx));
    let signed = 0;
    for (const log of unsigned) {
      if (!this.keys.has(log.origin) || !(await this.guard.check({ ...log, id: log.logId }))) continue;
      const note = this.keys.open(log.origin).sign(checkpointText({ ...log, root: rootOf(log) }));
      const row = { size: log.size, note, atMs: this.writer.nowMs() };
      // On the anchor first: what the database forgets must be known there.
      this.anchor.append(note);
      await this.unitOfWork.run((tx) => this.checkpoints.insert(tx, log.logId, row));
      signed += 1;
    }
    await this.#look();
    return signed;
  }

  /** Seals every log whose last seal is a minute old, also when nothing happened. */
  async seal(): Promise<number> {
    if (this.writer.stopReason !== undefined) return 0;
    const before = new Date(this.writer.nowMs() - SEAL_EVERY_MS);
    const due = await this.unitOfWork.read((tx) => this.tree.findUnsealed(tx, before));
    let sealed = 0;
    for (const log of due) {
      if (!this.keys.has(log.origin) || !(await this.guard.check({ ...log, id: log.logId }))) continue;
      if (await this.unitOfWork.run((tx) => this.#seal(tx, log))) sealed += 1;
    }
    return sealed;
  }

  async #seal(tx: Tx, { logId, origin }: { readonly logId: number; readonly origin: string }): Promise<boolean> {
    // Nobody moves the tree between the reads.
    if (!(await this.tree.tryLock(tx, logId))) return false;
    const state = await this.tree.findState(tx, logId);
    if (state === undefined) return false;
    const last = await this.checkpoints.findNewestSeal(tx, logId);
    const atMs = this.writer.nowMs();
    const seal = {
      log: origin,
      no: last === undefined ? 0 : last.no + 1,
      size: state.size,
      root: rootOf(state).toString('base64'),
      time: formatInstant(atMs),
      lanes: await this.checkpoints.findUnsealedLanes(tx, logId),
      before: last === undefined ? NO_HEADS : sealDigests(last.note),
    };
    const note = this.keys.open(origin).sign(sealText(seal));
    await this.checkpoints.insertSeal(tx, logId, { no: seal.no, size: seal.size, note, atMs });
    await this.checkpoints.markSealed(tx, logId);
    return true;
  }

  async #look(): Promise<void> {
    for (const { logId, note } of await this.unitOfWork.read((tx) => this.checkpoints.findNewestOfAll(tx))) {
      const checkpoint = readCheckpoint(readNote(note)?.text ?? '');
      if (checkpoint === undefined) continue;
      this.writer.sawCheckpoint(logId, { size: checkpoint.size, root: checkpoint.root.toString('base64') });
    }
  }
}

function rootOf({ logId, root }: TreeState): Buffer {
  if (root === null) throw new Error(`Log ${String(logId)} has a size and no root`);
  return root;
}
