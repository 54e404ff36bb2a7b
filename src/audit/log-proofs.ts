import { Injectable } from '@nestjs/common';

import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { writeProof } from './domain/proof.js';
import { KeyRing } from './key-ring.js';
import { LogBook } from './log-book.js';
import { CheckpointRepository } from './persistence/checkpoint.repository.js';
import { TreeRepository } from './persistence/tree.repository.js';
import { RecordReader } from './record-reader.js';
import { TreeReader } from './tree-reader.js';

/** Where a log stands. */
export interface LogHead {
  readonly logId: number;
  readonly orgId: string;
  readonly origin: string;
  readonly state: string;
  /** Records that are in the tree. */
  readonly size: number;
  /** C2SP verifier key; null where the log's key is not. */
  readonly vkey: string | null;
  /** The newest signed checkpoint. */
  readonly checkpoint: { readonly size: number; readonly note: string; readonly atMs: number } | null;
}

/** A place in the log, as receipts name it. */
export interface ReceiptPlace {
  readonly lane: string;
  readonly n: number;
  /** When given, the record that stands there must have it. */
  readonly sha256?: string;
}

/** Answers with signed states and proofs: what an outsider needs to check a record. */
@Injectable()
export class LogProofs {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly logs: LogBook,
    private readonly tree: TreeRepository,
    private readonly checkpoints: CheckpointRepository,
    private readonly reader: TreeReader,
    private readonly records: RecordReader,
    private readonly keys: KeyRing,
  ) {}

  /** The logs of an organisation, or of all, oldest first. */
  async heads(orgId?: string): Promise<readonly LogHead[]> {
    return this.unitOfWork.read(async (tx) => {
      const heads: LogHead[] = [];
      for (const log of await this.logs.findAll(tx)) {
        if (orgId !== undefined && log.orgId !== orgId) continue;
        const state = await this.tree.findState(tx, log.id);
        heads.push({
          logId: log.id,
          orgId: log.orgId,
          origin: log.origin,
          state: state?.state ?? 'open',
          size: state?.size ?? 0,
          vkey: this.keys.has(log.origin) ? this.keys.open(log.origin).vkey : null,
          checkpoint: (await this.checkpoints.findNewest(tx, log.id)) ?? null,
        });
      }
      return heads;
    });
  }

  /** The `.tlog-proof` of a record under the newest checkpoint.
   *  @throws AppError not_found — no such record, another one, or another organisation's; export_not_ready — no checkpoint
   *  covers it yet */
  async proof(place: ReceiptPlace, orgId?: string): Promise<{ readonly proof: string; readonly core: Buffer }> {
    return this.unitOfWork.read(async (tx) => {
      const found = await this.records.find(tx, place);
      const isTheirs = orgId === undefined || found?.orgId === orgId;
      if (found === undefined || !isTheirs || (place.sha256 !== undefined && place.sha256 !== found.sha256))
        throw new AppError('not_found', 'There is no such record in the log.');
      const { logId, index } = await this.#placeOf(tx, place);
      const checkpoint = index === undefined ? undefined : await this.checkpoints.findNewest(tx, logId);
      if (index === undefined || checkpoint === undefined || checkpoint.size <= index)
        throw new AppError('export_not_ready', 'No checkpoint covers this record yet. Ask again in a few seconds.');
      const hashes = await this.reader.inclusion(tx, logId, { index, size: checkpoint.size });
      return { proof: writeProof({ index, hashes, checkpoint: checkpoint.note }), core: found.bytes };
    });
  }

  async #placeOf(tx: Tx, place: ReceiptPlace): Promise<{ readonly logId: number; readonly index: number | undefined }> {
    const logId = await this.records.logOf(tx, place.lane);
    return { logId: logId ?? -1, index: await this.tree.findIndex(tx, place) };
  }
}
