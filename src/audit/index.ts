export { AuditModule } from './audit.module.js';
export { AuditService } from './audit.service.js';
export { canonical, isCanonical, type JsonObject, type JsonValue } from './domain/canonical.js';
export type { Disclosure } from './domain/commitment.js';
export type { RecordType } from './domain/record-type.js';
export type { Finding } from './domain/finding.js';
export { ExportsService } from './export/exports.service.js';
export type { ExportJob, ExportWish } from './persistence/export.repository.js';
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
export type { VerdictLine } from './domain/verdict-line.js';
export type { LiveVerdict } from './verdict.js';
export { keyEncryptionKeyFiles } from './key-ring.js';
export { installationTrust } from './installation-trust.js';
export { NO_TRUST, readTrust, type Trust } from './verifier/trust.js';
export { verdictText } from './verifier/verdict-text.js';
export { exitStatusOf, isUnreadable, verifyPath } from './verifier/verify-path.js';
