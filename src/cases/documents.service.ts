import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { newId } from '../platform/ids/index.js';
import type { Actor, Slice } from '../identity/index.js';
import { CaseChanges } from './case-changes.js';
import { CaseGate } from './case-gate.js';
import type { Document } from './domain/case-entries.js';
import { mediaTypeOf } from './domain/media-type.js';
import { DocumentsRepository, type DocumentFilter } from './persistence/documents.repository.js';
import { userIdOf, viewerOf } from './viewer.js';

/** Longest document in bytes. */
export const MAX_DOCUMENT_BYTES = 32 * 1024 * 1024;

/** An upload. With an investigation the document is linked in the same step. */
export interface Upload {
  readonly content: Buffer;
  readonly contentType: string | undefined;
  /** Id or external reference. */
  readonly investigation?: string | undefined;
  readonly label?: string | undefined;
  readonly demo?: boolean | undefined;
}

/** A document and whether its bytes were new to the organisation. */
export interface Registered {
  readonly document: Document;
  readonly created: boolean;
}

/** Documents: registered once by their bytes, linked to investigations, read on record. */
@Injectable()
export class DocumentsService {
  constructor(
    private readonly repository: DocumentsRepository,
    private readonly gate: CaseGate,
    private readonly changes: CaseChanges,
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Registers bytes; bytes the organisation has already give the document it has. Whoever showed the bytes may read it.
   *  @throws AppError invalid_value, request_too_large, unsupported_media_type, not_found — no such investigation */
  async upload(actor: Actor, upload: Upload): Promise<Registered> {
    const { content } = upload;
    if (content.length === 0) throw new AppError('invalid_value', 'The body is empty: send the bytes of the document.');
    if (content.length > MAX_DOCUMENT_BYTES) {
      throw new AppError('request_too_large', `A document has at most ${String(MAX_DOCUMENT_BYTES)} bytes.`);
    }
    const draft: Document = {
      id: newId(),
      orgId: actor.orgId,
      sha256: hash('sha256', content, 'hex'),
      bytes: content.length,
      mediaType: mediaTypeOf(upload.contentType),
      createdBy: userIdOf(actor),
      createdAtMs: this.clock.nowMs(),
    };
    return this.unitOfWork.run(async (tx) => {
      const created = await this.repository.insertIfNew(tx, { ...draft, demo: upload.demo ?? false }, content);
      const document = created ? draft : await this.repository.findByDigest(tx, actor.orgId, draft.sha256);
      if (document === undefined) throw new Error('A document vanished while it was registered');
      if (actor.kind !== 'system') {
        await this.repository.addHolder(tx, document, { userId: actor.userId, atMs: draft.createdAtMs });
      }
      if (created) await this.changes.record(tx, actor, { object: 'document', investigation: null, after: document });
      if (upload.investigation !== undefined) {
        await this.#link(tx, actor, document, { investigation: upload.investigation, label: upload.label });
      }
      return { document, created };
    });
  }

  /** Links a document the caller may read to an investigation the caller may change. Linking twice is no error.
   *  @throws AppError not_found — also: not yours; insufficient_scope */
  async link(
    actor: Actor,
    documentId: string,
    place: { readonly investigation: string; readonly label?: string | undefined },
  ): Promise<Document> {
    return this.unitOfWork.run(async (tx) => {
      const document = await this.#visible(tx, actor, documentId);
      await this.#link(tx, actor, document, place);
      return document;
    });
  }

  /** @throws AppError not_found — also: not yours; insufficient_scope */
  async unlink(actor: Actor, documentId: string, idOrRef: string): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      const investigation = await this.gate.writable(tx, actor, idOrRef);
      if (!(await this.repository.unlink(tx, documentId, investigation.id))) {
        throw new AppError('not_found', 'This document is not linked to the investigation.');
      }
      await this.changes.recordMovement(tx, actor, investigation, { what: 'documents', removed: [documentId] });
    });
  }

  /** @throws AppError not_found — also: not yours */
  async find(actor: Actor, id: string): Promise<Document> {
    return this.unitOfWork.read((tx) => this.#visible(tx, actor, id));
  }

  /** Documents the caller may read, oldest first; one row more than `limit` when there are more. */
  async list(actor: Actor, filter: DocumentFilter, slice: Slice): Promise<readonly Document[]> {
    return this.unitOfWork.read((tx) =>
      this.repository.findVisibleAfter(tx, { viewer: viewerOf(actor), filter }, { ...slice, limit: slice.limit + 1 }),
    );
  }

  /** Documents of one investigation, oldest first. @throws AppError not_found — also: not yours */
  async listOf(actor: Actor, idOrRef: string, slice: Slice): Promise<readonly Document[]> {
    const investigation = await this.unitOfWork.read((tx) => this.gate.readable(tx, actor, idOrRef));
    return this.list(actor, { investigationId: investigation.id }, slice);
  }

  /** The bytes. That they were read is on record before anyone gets them. @throws AppError not_found — also: not yours */
  async readContent(actor: Actor, id: string): Promise<{ readonly document: Document; readonly content: Buffer }> {
    return this.unitOfWork.run(async (tx) => {
      const document = await this.#visible(tx, actor, id);
      const content = await this.repository.findContent(tx, id);
      if (content === undefined) throw new AppError('not_found', 'The bytes of this document were removed.');
      await this.changes.recordConsultation(tx, actor, document);
      return { document, content };
    });
  }

  async #link(
    tx: Tx,
    actor: Actor,
    document: Document,
    place: { readonly investigation: string; readonly label?: string | undefined },
  ): Promise<void> {
    const investigation = await this.gate.writable(tx, actor, place.investigation);
    const linked = await this.repository.link(tx, {
      documentId: document.id,
      investigationId: investigation.id,
      orgId: actor.orgId,
      label: place.label ?? document.sha256.slice(0, 12),
      linkedBy: userIdOf(actor),
      linkedAtMs: this.clock.nowMs(),
    });
    if (linked) {
      await this.changes.recordMovement(tx, actor, investigation, { what: 'documents', added: [document.id] });
    }
  }

  async #visible(tx: Tx, actor: Actor, id: string): Promise<Document> {
    const document = await this.repository.findVisible(tx, viewerOf(actor), id);
    if (document === undefined) throw new AppError('not_found', 'There is no such document, or you may not see it.');
    return document;
  }
}
