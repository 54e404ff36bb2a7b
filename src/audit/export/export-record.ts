import { Injectable } from '@nestjs/common';

import { Clock } from '../../platform/clock/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import { AuditService } from '../audit.service.js';
import { CheckpointSigner } from '../checkpoint-signer.js';
import type { JsonObject } from '../domain/canonical.js';
import { headsOf } from '../domain/chain.js';
import { hashLines, readProof } from '../domain/proof.js';
import { readCheckpoint } from '../domain/checkpoint.js';
import { readNote } from '../domain/note.js';
import { LogProofs } from '../log-proofs.js';
import type { ExportJob } from '../persistence/export.repository.js';
import { formatReceipt, type Receipt } from '../record-draft.js';
import { Sequencer } from '../sequencer.js';
import { TreeReader } from '../tree-reader.js';
import type { LogPart, LogWish } from './log-exporter.js';

const ROUND_MS = 250;
const MAX_ROUNDS = 120;

/** The record that names a bundle's manifests, and its proof. */
export interface ExportFacts {
  readonly receipt: string;
  readonly core: Buffer;
  readonly proof: string;
}

/** Lets the log sign a bundle: `export.created` names the digests of its manifests and is proven by a checkpoint. */
@Injectable()
export class ExportRecord {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly audit: AuditService,
    private readonly sequencer: Sequencer,
    private readonly signer: CheckpointSigner,
    private readonly proofs: LogProofs,
    private readonly tree: TreeReader,
    private readonly clock: Clock,
  ) {}

  /** Records the bundle and waits until a checkpoint covers the record. */
  async write(
    { id, orgId, requestedBy, wish }: ExportJob,
    parts: readonly { readonly wish: LogWish; readonly part: LogPart; readonly manifest: string }[],
  ): Promise<ExportFacts> {
    const place = await this.unitOfWork.run((tx) =>
      this.audit.recordPlaced(tx, {
        type: 'export.created',
        orgId,
        actor: { kind: 'user', id: requestedBy },
        caseId: wish.investigation,
        pub: {
          id,
          mode: wish.mode,
          counts: parts.map(({ part }) => ({ ...part.counts, ...part.range })),
          manifests: parts.map(({ wish: { origin }, manifest }) => digestsOf(origin, manifest)),
        },
        disclosures: [
          { class: 'o', name: 'user', value: requestedBy },
          { class: 's', name: 'recipient', value: wish.recipient },
          { class: 's', name: 'reason', value: wish.reason },
        ],
      }),
    );
    const receipt: Receipt = place();
    return { receipt: formatReceipt(receipt), ...(await this.#proven(receipt, orgId)) };
  }

  /** The record under a checkpoint, by this process or another: whoever is elected. @throws AppError export_not_ready */
  async #proven(receipt: Receipt, orgId: string): Promise<{ readonly core: Buffer; readonly proof: string }> {
    for (let round = 1; ; round += 1) {
      await this.sequencer.run();
      await this.signer.sign();
      try {
        return await this.proofs.proof(receipt, orgId);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'export_not_ready' || round >= MAX_ROUNDS) throw error;
        await this.clock.sleep(ROUND_MS);
      }
    }
  }

  /** The files that prove the record to a reader of one log's part. */
  async proofFor(
    { logId, origin }: LogWish,
    facts: ExportFacts,
    to: number,
  ): Promise<Readonly<Record<string, string | Buffer>>> {
    const checkpoint = readCheckpoint(readNote(readProof(facts.proof)?.checkpoint ?? '')?.text ?? '');
    const files = { 'export/record.json': facts.core, 'export/record.tlog-proof': facts.proof };
    if (checkpoint?.origin !== origin) return files;
    const hashes = await this.unitOfWork.read((tx) =>
      this.tree.consistency(tx, logId, { old: to, size: checkpoint.size }),
    );
    return { ...files, 'export/consistency.proof': hashLines(hashes) };
  }
}

/** Digests of a manifest as the record names them. */
function digestsOf(origin: string, manifest: string): JsonObject {
  const { sha256, sha512, sha3 } = headsOf(manifest);
  return { origin, sha256, 'sha3-256': sha3, sha512 };
}
