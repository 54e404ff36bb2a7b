import { Module } from '@nestjs/common';

import { AuditService } from './audit.service.js';
import { AuditWriter } from './audit-writer.js';
import { DurabilityCheck } from './durability-check.js';
import { KeyRing } from './key-ring.js';
import { LiveVerifier } from './live-verifier.js';
import { LogBook } from './log-book.js';
import { AuditLogRepository } from './persistence/audit-log.repository.js';
import { BatchReader } from './persistence/batch.reader.js';
import { LaneRepository } from './persistence/lane.repository.js';
import { OpenIntentRepository } from './persistence/open-intent.repository.js';
import { VaultRepository } from './persistence/vault.repository.js';
import { RecordMaker } from './record-maker.js';
import { RecordReader } from './record-reader.js';
import { Vault } from './vault.js';

@Module({
  providers: [
    AuditService,
    AuditWriter,
    DurabilityCheck,
    KeyRing,
    LiveVerifier,
    LogBook,
    RecordMaker,
    RecordReader,
    Vault,
    AuditLogRepository,
    BatchReader,
    LaneRepository,
    OpenIntentRepository,
    VaultRepository,
  ],
  exports: [AuditService, LiveVerifier, RecordReader],
})
export class AuditModule {}
