import type { Principal } from '../platform/security/index.js';
import type { JsonObject, JsonValue } from './domain/canonical.js';
import type { Disclosure } from './domain/commitment.js';
import type { RecordType } from './domain/record-type.js';
import type { TagKind } from './domain/tag.js';
import type { VaultBlob } from './domain/vault-blob.js';
import type { ContentRow } from './persistence/vault.repository.js';

/** A body that is kept under the case's key and named by its digests. */
export interface BodyDraft {
  /** `prompt`, `response`, `sent`. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** Keep the bytes, not only their digests, when content is stored at all. */
  readonly keep: boolean;
}

/** What a record shall say. */
export interface RecordDraft {
  readonly type: RecordType;
  readonly orgId: string;
  readonly actor: { readonly kind: Exclude<TagKind, 'case'>; readonly id: string } | null;
  /** Investigation the record belongs to. */
  readonly caseId: string | null;
  /** Id of the record this one answers. */
  readonly ref?: string | null;
  /** Public fields of the type: no personal data, no free text. */
  readonly pub: JsonObject;
  readonly disclosures?: readonly Disclosure[];
  readonly bodies?: readonly BodyDraft[];
}

/** An administrative change: who changed which fields of what. Old and new values become commitments. */
export interface ChangeDraft {
  readonly type: RecordType;
  /** Null: the machine's operator or time itself. */
  readonly principal: Principal | null;
  /** Required when there is no principal. */
  readonly orgId?: string;
  readonly object: { readonly kind: string; readonly id: string; readonly version?: number };
  readonly fields: readonly string[];
  readonly old?: JsonValue;
  readonly new?: JsonValue;
  readonly reason?: string;
  readonly caseId?: string | null;
}

/** A record with its commitments made and its secrets encrypted: what is left is its place in a lane. */
export interface PreparedRecord {
  readonly id: string;
  readonly type: RecordType;
  readonly orgId: string;
  /** The log whose tags and keys it was made with: it can stand in no other. */
  readonly logId: number;
  readonly sd: string;
  readonly actorTag: string | null;
  readonly caseTag: string | null;
  readonly pub: string;
  readonly ref: string | null;
  readonly cfg: string;
  readonly blobs: readonly Omit<VaultBlob, 'index'>[];
  readonly content: readonly ContentRow[];
}

/** Proof for the caller that a record stands at its place. */
export interface Receipt {
  readonly recordId: string;
  readonly lane: string;
  readonly n: number;
  /** SHA-256 of the core, lower-case hex. */
  readonly sha256: string;
}

/** The header form: `<lane>/<n>/<sha256>`. */
export function formatReceipt({ lane, n, sha256 }: Receipt): string {
  return `${lane}/${String(n)}/${sha256}`;
}
