import { Injectable } from '@nestjs/common';

import type { Tx } from '../platform/database/index.js';
import { NO_HEADS, sameHeads } from './domain/chain.js';
import { readCheckpoint } from './domain/checkpoint.js';
import type { Findings } from './domain/finding.js';
import { CompactTree } from './domain/merkle.js';
import { openNote } from './domain/note.js';
import { readVerifierKey, type NoteKey } from './domain/note-key.js';
import { readSeal, sealDigests } from './domain/seal.js';
import type { AuditLog } from './persistence/audit-log.repository.js';
import { CheckpointRepository, type StoredCheckpoint } from './persistence/checkpoint.repository.js';
import { TreeRepository, type SeqLeaves } from './persistence/tree.repository.js';

const LEAF_BYTES = 32;
const PAGE = 500;

/** What was found about a log's tree. */
export interface LiveTree {
  readonly size: number;
  readonly checkpoints: number;
  /** Size of the newest checkpoint; 0 when there is none. */
  readonly signedSize: number;
}

/** Makes a log's tree again from its leaves and holds it against everything that was signed: each checkpoint, each seal. The
 *  leaves themselves are compared with the records elsewhere. */
@Injectable()
export class LiveTreeCheck {
  constructor(
    private readonly tree: TreeRepository,
    private readonly checkpoints: CheckpointRepository,
  ) {}

  /** Memory grows with the number of lanes only. `vkey`: the key that must have signed. */
  async check(tx: Tx, log: AuditLog, vkey: string, findings: Findings): Promise<LiveTree> {
    const key = readVerifierKey(vkey);
    const notes = new NoteQueue(tx, log.id, this.checkpoints);
    const tree = new CompactTree();
    const lanes = new Map<string, number>();
    for (let isMore = true; isMore;) {
      const page = await this.tree.findLeavesInOrder(tx, { logId: log.id, index: tree.size, limit: PAGE });
      for (const batch of page) {
        grow(tree, lanes, batch, (code, where) => {
          findings.add(code, `${log.origin}: ${where}`);
        });
        for (let note = await notes.upTo(tree.size); note !== undefined; note = await notes.upTo(tree.size)) {
          checkNote(note, { log, key, tree }, findings);
        }
      }
      isMore = page.length === PAGE;
    }
    if ((await notes.upTo(Number.MAX_SAFE_INTEGER)) !== undefined)
      findings.add('E_COUNT', `${log.origin}: a checkpoint is larger than the tree`);
    await this.#compareState(tx, log, tree, findings);
    await this.#checkSeals(tx, log, key, findings);
    return { size: tree.size, checkpoints: notes.count, signedSize: notes.newest };
  }

  /** The log's row and the sequencer's positions must fit the tree. */
  async #compareState(tx: Tx, log: AuditLog, tree: CompactTree, findings: Findings): Promise<void> {
    const state = await this.tree.findState(tx, log.id);
    if (tree.size !== (state?.size ?? 0))
      findings.add('E_COUNT', `${log.origin}: the tree has ${String(tree.size)} records`);
    if (tree.size > 0 && state?.root?.equals(tree.root()) !== true)
      findings.add('E_ROOT', `${log.origin}: root of the log`);
    for (const lane of await this.tree.findLanesBehind(tx, log.id))
      findings.add('E_LANE_SEQ', `lane ${lane}: behind its tree`);
  }

  async #checkSeals(tx: Tx, log: AuditLog, key: NoteKey | undefined, findings: Findings): Promise<void> {
    let before = NO_HEADS;
    for (let no = 0; ;) {
      const page = await this.checkpoints.findSeals(tx, { logId: log.id, from: no, limit: PAGE });
      for (const { note, no: own } of page) {
        const where = `${log.origin}: seal ${String(own)}`;
        const opened = key === undefined ? undefined : openNote(note, [key]);
        if (typeof opened === 'string' || opened?.good.length === 0) findings.add('E_SIG', where);
        const seal = readSeal(note.slice(0, note.lastIndexOf('\n\n') + 1));
        if (seal?.no !== no || seal.log !== log.origin || !sameHeads(seal.before, before))
          findings.add('E_SEAL', where);
        before = sealDigests(note);
        no = own + 1;
      }
      if (page.length < PAGE) return;
    }
  }
}

/** Adds a batch's leaves; gaps in the tree or in a lane are findings. */
function grow(
  tree: CompactTree,
  lanes: Map<string, number>,
  { firstIndex, lane, n0, count, leaves }: SeqLeaves,
  find: (code: string, where: string) => void,
): void {
  if (firstIndex !== tree.size || leaves.length !== count * LEAF_BYTES) find('E_COUNT', `index ${String(tree.size)}`);
  if (n0 !== (lanes.get(lane) ?? 0)) find('E_LANE_SEQ', `${lane}/${String(n0)}`);
  lanes.set(lane, n0 + count);
  for (let at = 0; at + LEAF_BYTES <= leaves.length; at += LEAF_BYTES) tree.add(leaves.subarray(at, at + LEAF_BYTES));
}

function checkNote(
  { size, note }: StoredCheckpoint,
  { log, key, tree }: { readonly log: AuditLog; readonly key: NoteKey | undefined; readonly tree: CompactTree },
  findings: Findings,
): void {
  const where = `${log.origin}: checkpoint ${String(size)}`;
  const opened = key === undefined ? 'E_UNTRUSTED_KEY' : openNote(note, [key]);
  if (typeof opened === 'string') {
    findings.add(opened, where);
    return;
  }
  if (opened.good.length === 0) findings.add('E_SIG', where);
  const checkpoint = readCheckpoint(opened.text);
  if (checkpoint?.origin !== log.origin || checkpoint.size !== size) findings.add('E_NOTE', where);
  else if (size !== tree.size || !checkpoint.root.equals(tree.root())) findings.add('E_ROOT', where);
}

/** A log's checkpoints in the order of their sizes, a page at a time. */
class NoteQueue {
  count = 0;
  newest = 0;
  #waiting: StoredCheckpoint[] = [];
  #isMore = true;

  constructor(
    private readonly tx: Tx,
    private readonly logId: number,
    private readonly checkpoints: CheckpointRepository,
  ) {}

  /** The next checkpoint of at most this size. */
  async upTo(size: number): Promise<StoredCheckpoint | undefined> {
    if (this.#waiting.length === 0 && this.#isMore) {
      const page = { logId: this.logId, from: this.newest + 1, limit: PAGE };
      this.#waiting = [...(await this.checkpoints.findPage(this.tx, page))];
      this.#isMore = this.#waiting.length === PAGE;
    }
    const [next] = this.#waiting;
    if (next === undefined || next.size > size) return undefined;
    this.#waiting.shift();
    this.count += 1;
    this.newest = next.size;
    return next;
  }
}
