import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AuditConfig } from '../platform/config/index.js';
import { newId, randomBytes16 } from '../platform/ids/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { canonical, type JsonObject } from './domain/canonical.js';
import {
  committedList,
  seal,
  type Disclosure,
  type DisclosureClass,
  type SealedDisclosure,
} from './domain/commitment.js';
import { monthOf, quarterOf } from './domain/period.js';
import { paddingOf } from './domain/record-type.js';
import { tagOf } from './domain/tag.js';
import { encrypt, sealTexts, type VaultBlob } from './domain/vault-blob.js';
import { LogBook, type OpenLog } from './log-book.js';
import type { ContentRow, DekScope } from './persistence/vault.repository.js';
import type { BodyDraft, PreparedRecord, RecordDraft } from './record-draft.js';
import { Vault, type Dek } from './vault.js';

const NO_CONFIG = '0'.repeat(64);
const decoy = (): Buffer => Buffer.concat([randomBytes16(), randomBytes16()]);

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

  /** Prepares a record; synchronous while its data keys are at hand, which is every call but the first of a person or case
   *  in a quarter. */
  prepare(draft: RecordDraft): PreparedRecord | Promise<PreparedRecord> {
    if (!this.logs.isReady(draft.orgId)) return this.logs.ensure(draft.orgId).then(() => this.prepare(draft));
    const log = this.logs.current(draft.orgId);
    const id = newId();
    const bodies = (draft.bodies ?? []).map((body) => ({ body, contentId: newId() }));
    const disclosures = [
      ...(draft.disclosures ?? []),
      ...bodies.map(({ body, contentId }) => this.#bodyDisclosure(body, contentId)),
    ];
    const deks = this.#deks(draft, log, disclosures);
    if (deks instanceof Promise)
      return deks.then((found) => this.#assemble(draft, { log, id, disclosures, bodies, deks: found }));
    return this.#assemble(draft, { log, id, disclosures, bodies, deks });
  }

  #bodyDisclosure({ name, bytes, keep }: BodyDraft, contentId: string): Disclosure {
    const stored: JsonObject = keep && this.config.content === 'store' ? { content: contentId } : {};
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

  #scope(log: OpenLog, of: DisclosureClass, draft: RecordDraft): DekScope {
    const quarter = quarterOf(this.clock.nowMs());
    const actor = draft.actor ?? { kind: 'system' as const, id: 'system' };
    // Per investigation where there is one, so that erasing a case leaves accountability; else per user.
    const subjectTag =
      of === 's' && draft.caseId !== null
        ? tagOf(log.tagKey, 'case', draft.caseId)
        : tagOf(log.tagKey, actor.kind, actor.id);
    return { logId: log.id, class: of, subjectTag, quarter };
  }

  #deks(draft: RecordDraft, log: OpenLog, disclosures: readonly Disclosure[]): RecordDeks | Promise<RecordDeks> {
    const scopes = (['o', 's'] as const).map((of) =>
      disclosures.some((disclosure) => disclosure.class === of) ? this.#scope(log, of, draft) : undefined,
    );
    const cached = scopes.map((scope) => (scope === undefined ? undefined : this.vault.cached(scope)));
    if (scopes.every((scope, index) => scope === undefined || cached[index] !== undefined))
      return { o: cached[0], s: cached[1] };
    return this.#fetchDeks(scopes);
  }

  async #fetchDeks([o, s]: readonly (DekScope | undefined)[]): Promise<RecordDeks> {
    return {
      o: o === undefined ? undefined : await this.vault.dekOf(o),
      s: s === undefined ? undefined : await this.vault.dekOf(s),
    };
  }

  #assemble(
    draft: RecordDraft,
    parts: {
      readonly log: OpenLog;
      readonly id: string;
      readonly disclosures: readonly Disclosure[];
      readonly bodies: readonly { readonly body: BodyDraft; readonly contentId: string }[];
      readonly deks: RecordDeks;
    },
  ): PreparedRecord {
    const { log, id, deks } = parts;
    const sealed = parts.disclosures.map((disclosure) => seal(disclosure, randomBytes16()));
    const list = committedList(sealed, paddingOf(draft.type), decoy);
    return {
      id,
      type: draft.type,
      orgId: draft.orgId,
      sd: `["${list.join('","')}"]`.replace('[""]', '[]'),
      actorTag: draft.actor === null ? null : tagOf(log.tagKey, draft.actor.kind, draft.actor.id),
      caseTag: draft.caseId === null ? null : tagOf(log.tagKey, 'case', draft.caseId),
      pub: canonical(draft.pub),
      ref: draft.ref ?? null,
      cfg: this.snapshots.currentHash() ?? NO_CONFIG,
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

  #content(
    log: OpenLog,
    bodies: readonly { body: BodyDraft; contentId: string }[],
    dek: Dek | undefined,
  ): ContentRow[] {
    if (this.config.content !== 'store' || dek === undefined) return [];
    const month = monthOf(this.clock.nowMs());
    return bodies.flatMap(({ body, contentId }) => {
      if (!body.keep || body.bytes.length === 0) return [];
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
