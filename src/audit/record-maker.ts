import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AuditConfig } from '../platform/config/index.js';
import type { Tx } from '../platform/database/index.js';
import { newId, randomBytes16 } from '../platform/ids/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { canonical, type JsonObject } from './domain/canonical.js';
import { committedList, seal, type Disclosure, type SealedDisclosure } from './domain/commitment.js';
import { MAX_CORE_BYTES } from './domain/core.js';
import { monthOf, quarterOf } from './domain/period.js';
import { paddingOf, requirePublic, sealedClassesOf } from './domain/record-type.js';
import { encrypt, sealTexts, type VaultBlob } from './domain/vault-blob.js';
import { LogBook, type OpenLog } from './log-book.js';
import type { ContentRow, DekScope } from './persistence/vault.repository.js';
import type { BodyDraft, PreparedRecord, RecordDraft } from './record-draft.js';
import { Vault, type Dek } from './vault.js';

const NO_CONFIG = '0'.repeat(64);
/** Longer bodies are named by their digests only. */
const MAX_CONTENT_BYTES = 16 * 1024 * 1024;
/** What a core needs beside `pub` and its commitments, at most. */
const ENVELOPE_BYTES = 2_048;
/** `pub` stands one level below the core. */
const PUB_DEPTH = 1;
/** 43 characters, two quotes, a comma. */
const COMMITMENT_BYTES = 46;
const decoy = (): Buffer => Buffer.concat([randomBytes16(), randomBytes16()]);

/** A body, and the id it is kept under if it is kept. */
interface PlacedBody {
  readonly body: BodyDraft;
  readonly contentId: string | undefined;
}

/** Pseudonyms of a record's actor and case. */
interface Tags {
  readonly actor: string | null;
  readonly case: string | null;
}

/** The data keys a record needs; a key is undefined when the record has nothing of its class. */
interface RecordDeks {
  readonly o: Dek | undefined;
  readonly s: Dek | undefined;
}

/** Makes records: commitments, tags, encrypted disclosures and bodies. The costly part, outside of any transaction. */
@Injectable()
export class RecordMaker {
  constructor(
    private readonly logs: LogBook,
    private readonly vault: Vault,
    private readonly config: AuditConfig,
    private readonly clock: Clock,
    private readonly snapshots: ConfigSnapshots,
  ) {}

  /** Prepares a record; synchronous while its log is open and its data keys are at hand, which is every call but the first
   *  of a person or case in a quarter.
   *  @throws CanonicalError — a value no record may hold; Error — a field or size the type does not allow */
  prepare(draft: RecordDraft): PreparedRecord | Promise<PreparedRecord> {
    return this.logs.isReady(draft.orgId)
      ? this.prepareFor(this.logs.current(draft.orgId), draft)
      : this.logs.ensure(draft.orgId).then((log) => this.prepareFor(log, draft));
  }

  /** The same inside a transaction, on its connection: a data key that is new lives or dies with it. */
  async prepareIn(tx: Tx, draft: RecordDraft): Promise<PreparedRecord> {
    return this.prepareFor(await this.logs.ensure(draft.orgId), draft, tx);
  }

  /** The transaction of {@link prepareIn} is over. */
  ended(tx: Tx, committed: boolean): void {
    this.vault.ended(tx, committed);
  }

  /** Prepares a record for a given log of the draft's organisation. `tx`: where new data keys are kept; else in a transaction
   *  of their own. */
  prepareFor(log: OpenLog, draft: RecordDraft, tx?: Tx): PreparedRecord | Promise<PreparedRecord> {
    requirePublic(draft.type, draft.pub);
    const id = newId();
    const bodies = (draft.bodies ?? []).map((body) => ({ body, contentId: this.#keeps(body) ? newId() : undefined }));
    const disclosures = [
      ...(draft.disclosures ?? []),
      ...bodies.map(({ body, contentId }) => bodyDisclosure(body, contentId)),
    ];
    const missing = sealedClassesOf(draft.type).filter((of) => !disclosures.some((one) => one.class === of));
    if (missing.length > 0)
      throw new Error(`A record of type ${draft.type} needs a disclosure of class ${missing.join()}`);
    const tags: Tags = {
      actor: draft.actor === null ? null : log.tags.tagOf(draft.actor.kind, draft.actor.id),
      case: draft.caseId === null ? null : log.tags.tagOf('case', draft.caseId),
    };
    const deks = this.#deks(this.#scopes(log, tags, disclosures), tx);
    const parts = { log, id, tags, disclosures, bodies };
    if (deks instanceof Promise) return deks.then((found) => this.#assemble(draft, { ...parts, deks: found }));
    return this.#assemble(draft, { ...parts, deks });
  }

  /** SHA-256 of the configuration in force; zeros while none is loaded. */
  configHash(): string {
    return this.snapshots.currentHash() ?? NO_CONFIG;
  }

  #keeps({ keep, bytes }: BodyDraft): boolean {
    return keep && this.config.content === 'store' && bytes.length > 0 && bytes.length <= MAX_CONTENT_BYTES;
  }

  /** Data keys are per investigation where there is one, so that erasing a case leaves accountability; else per user. */
  #scopes(log: OpenLog, tags: Tags, disclosures: readonly Disclosure[]): readonly (DekScope | undefined)[] {
    const quarter = quarterOf(this.clock.nowMs());
    const user = tags.actor ?? log.tags.tagOf('system', 'system');
    return (['o', 's'] as const).map((of) =>
      disclosures.some((disclosure) => disclosure.class === of)
        ? { logId: log.id, class: of, subjectTag: of === 's' ? (tags.case ?? user) : user, quarter }
        : undefined,
    );
  }

  #deks(scopes: readonly (DekScope | undefined)[], tx: Tx | undefined): RecordDeks | Promise<RecordDeks> {
    const cached = scopes.map((scope) => (scope === undefined ? undefined : this.vault.cached(scope)));
    if (scopes.every((scope, index) => scope === undefined || cached[index] !== undefined))
      return { o: cached[0], s: cached[1] };
    return this.#fetchDeks(scopes, (scope) =>
      tx === undefined ? this.vault.dekOf(scope) : this.vault.dekIn(tx, scope),
    );
  }

  async #fetchDeks(
    [o, s]: readonly (DekScope | undefined)[],
    dekOf: (scope: DekScope) => Promise<Dek>,
  ): Promise<RecordDeks> {
    return {
      o: o === undefined ? undefined : await dekOf(o),
      s: s === undefined ? undefined : await dekOf(s),
    };
  }

  #assemble(
    draft: RecordDraft,
    parts: {
      readonly log: OpenLog;
      readonly id: string;
      readonly tags: Tags;
      readonly disclosures: readonly Disclosure[];
      readonly bodies: readonly PlacedBody[];
      readonly deks: RecordDeks;
    },
  ): PreparedRecord {
    const { log, id, deks } = parts;
    const sealed = parts.disclosures.map((disclosure) => seal(disclosure, randomBytes16()));
    const list = committedList(sealed, paddingOf(draft.type), decoy);
    const pub = canonical(draft.pub, PUB_DEPTH);
    if (Buffer.byteLength(pub) + list.length * COMMITMENT_BYTES + ENVELOPE_BYTES > MAX_CORE_BYTES)
      throw new Error(`The public fields of a record of type ${draft.type} exceed ${String(MAX_CORE_BYTES)} bytes`);
    return {
      id,
      type: draft.type,
      orgId: draft.orgId,
      logId: log.id,
      sd: `["${list.join('","')}"]`.replace('[""]', '[]'),
      actorTag: parts.tags.actor,
      caseTag: parts.tags.case,
      pub,
      ref: draft.ref ?? null,
      cfg: this.configHash(),
      blobs: this.#blobs(log.origin, id, sealed, deks),
      content: this.#content(log, parts.bodies, deks.s),
    };
  }

  #blobs(
    origin: string,
    recordId: string,
    sealed: readonly SealedDisclosure[],
    deks: RecordDeks,
  ): Omit<VaultBlob, 'index'>[] {
    return (['o', 's'] as const).flatMap((of) => {
      const dek = deks[of];
      const texts = sealed.filter((one) => one.class === of).map(({ text }) => text);
      if (dek === undefined || texts.length === 0) return [];
      const binding = { origin, recordId, class: of, dekId: dek.dekId };
      return [{ class: of, dekId: dek.dekId, ...sealTexts(dek.key, texts, binding) }];
    });
  }

  #content(log: OpenLog, bodies: readonly PlacedBody[], dek: Dek | undefined): ContentRow[] {
    const month = monthOf(this.clock.nowMs());
    return bodies.flatMap(({ body, contentId }) => {
      if (contentId === undefined || dek === undefined) return [];
      const aad = Buffer.from(canonical([log.origin, contentId, dek.dekId]));
      return [
        {
          id: contentId,
          logId: log.id,
          month,
          dekId: dek.dekId,
          mediaType: body.mediaType,
          bytes: body.bytes.length,
          ...encrypt(dek.key, body.bytes, aad),
        },
      ];
    });
  }
}

/** What is said about a body: its digests, and where it is kept if it is. */
function bodyDisclosure({ name, bytes }: BodyDraft, contentId: string | undefined): Disclosure {
  const stored: JsonObject = contentId === undefined ? {} : { content: contentId };
  return {
    class: 's',
    name,
    value: {
      bytes: bytes.length,
      ...stored,
      sha256: hash('sha256', bytes, 'hex'),
      'sha3-256': hash('sha3-256', bytes, 'hex'),
      sha512: hash('sha512', bytes, 'hex'),
    },
  };
}
