import { Module } from '@nestjs/common';

import { ExportsController } from './api/exports.controller.js';
import { AnchorGuard } from './anchors/anchor-guard.js';
import { FileAnchor } from './anchors/file-anchor.js';
import { AuditService } from './audit.service.js';
import { AuditWriter } from './audit-writer.js';
import { CheckpointSigner } from './checkpoint-signer.js';
import { DurabilityCheck } from './durability-check.js';
import { ExportRecord } from './export/export-record.js';
import { ExportRunner } from './export/export-runner.js';
import { ExportsService } from './export/exports.service.js';
import { LogExporter } from './export/log-exporter.js';
import { ExportsJob } from './jobs/exports.job.js';
import { SequenceJob } from './jobs/sequence.job.js';
import { VerifyJob } from './jobs/verify.job.js';
import { KeyRing } from './key-ring.js';
import { LiveTreeCheck } from './live-tree-check.js';
import { LiveVerifier } from './live-verifier.js';
import { LogBook } from './log-book.js';
import { LogProofs } from './log-proofs.js';
import { AuditLogRepository } from './persistence/audit-log.repository.js';
import { BatchReader } from './persistence/batch.reader.js';
import { CheckpointRepository } from './persistence/checkpoint.repository.js';
import { ExportRepository } from './persistence/export.repository.js';
import { LaneRepository } from './persistence/lane.repository.js';
import { OpenIntentRepository } from './persistence/open-intent.repository.js';
import { TreeRepository } from './persistence/tree.repository.js';
import { VaultRepository } from './persistence/vault.repository.js';
import { RecordMaker } from './record-maker.js';
import { RecordReader } from './record-reader.js';
import { Sequencer } from './sequencer.js';
import { TreeReader } from './tree-reader.js';
import { Vault } from './vault.js';

@Module({
  controllers: [ExportsController],
  providers: [
    AnchorGuard,
    AuditService,
    AuditWriter,
    CheckpointSigner,
    DurabilityCheck,
    ExportRecord,
    FileAnchor,
    ExportRunner,
    ExportsJob,
    ExportsService,
    KeyRing,
    LiveTreeCheck,
    LiveVerifier,
    LogBook,
    LogExporter,
    LogProofs,
    RecordMaker,
    RecordReader,
    SequenceJob,
    Sequencer,
    TreeReader,
    Vault,
    VerifyJob,
    AuditLogRepository,
    BatchReader,
    CheckpointRepository,
    ExportRepository,
    LaneRepository,
    OpenIntentRepository,
    TreeRepository,
    VaultRepository,
  ],
  exports: [AuditService, ExportsService, LiveVerifier, LogProofs, RecordReader],
})
export class AuditModule {}
