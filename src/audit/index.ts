export { AuditModule } from './audit.module.js';
export { AuditService } from './audit.service.js';
export { canonical, isCanonical, type JsonObject, type JsonValue } from './domain/canonical.js';
export type { Disclosure } from './domain/commitment.js';
export type { RecordType } from './domain/record-type.js';
export { LiveVerifier, type LiveVerdict } from './live-verifier.js';
export type { OpenIntent } from './persistence/open-intent.repository.js';
export {
  formatReceipt,
  type BodyDraft,
  type ChangeDraft,
  type PreparedRecord,
  type Receipt,
  type RecordDraft,
} from './record-draft.js';
