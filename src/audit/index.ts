export { AuditModule } from './audit.module.js';
export { AuditService } from './audit.service.js';
export { canonical, isCanonical, type JsonObject, type JsonValue } from './domain/canonical.js';
export type { Disclosure } from './domain/commitment.js';
export type { RecordType } from './domain/record-type.js';
export type { Finding } from './domain/finding.js';
export { LogProofs, type LogHead } from './log-proofs.js';
export { LiveVerifier } from './live-verifier.js';
export { RecordReader, type StoredRecord } from './record-reader.js';
export type { OpenIntent } from './persistence/open-intent.repository.js';
export {
  formatReceipt,
  type BodyDraft,
  type ChangeDraft,
  type PreparedRecord,
  type Receipt,
  type RecordDraft,
} from './record-draft.js';
export type { LiveVerdict, VerdictLine } from './verdict.js';
export { keyEncryptionKeyFiles } from './key-ring.js';
