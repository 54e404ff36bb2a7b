import { Injectable } from '@nestjs/common';

import { UnitOfWork, type Tx } from '../../platform/database/index.js';
import { AuditWriter } from '../audit-writer.js';
import { TreeRepository } from '../persistence/tree.repository.js';
import { TreeReader } from '../tree-reader.js';
import { FileAnchor } from './file-anchor.js';

/** Holds the database against what was signed and kept elsewhere, before anything else is signed. A database that is behind, or
 *  has another history, ends the log for good: it is never signed again. */
@Injectable()
export class AnchorGuard {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly tree: TreeRepository,
    private readonly reader: TreeReader,
    private readonly file: FileAnchor,
    private readonly writer: AuditWriter,
  ) {}

  /** True when the log may be signed. False: this process has stopped to write, and says why. */
  async check(log: { readonly id: number; readonly origin: string }): Promise<boolean> {
    const anchored = this.file.newest(log.origin);
    if (anchored === undefined) return true;
    const problem = await this.unitOfWork.read((tx) => this.#problemOf(tx, log.id, anchored));
    if (problem === undefined) return true;
    await this.unitOfWork.run((tx) => this.tree.stop(tx, log.id));
    this.writer.stop(`${log.origin}: ${problem}`);
    return false;
  }

  async #problemOf(
    tx: Tx,
    logId: number,
    anchored: { readonly size: number; readonly root: Buffer },
  ): Promise<string | undefined> {
    const state = await this.tree.findState(tx, logId);
    const size = state?.size ?? 0;
    if (size < anchored.size)
      return `the database has ${String(size)} records in its tree, and ${String(anchored.size)} were signed before`;
    const root = await this.reader.root(tx, logId, anchored.size);
    return root?.equals(anchored.root) === true
      ? undefined
      : `the database has another history at size ${String(anchored.size)} than the one that was signed`;
  }
}
