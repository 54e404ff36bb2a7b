import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';

import { managerOf, rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { Document, DocumentLink } from '../domain/case-entries.js';
import type { Exhibit, ExhibitNames } from '../domain/exhibits.js';
import { DocumentLinkEntity } from './document-link.entity.js';
import { DocumentEntity } from './document.entity.js';
import { viewerParameters, visibleInvestigation, type Viewer } from './visibility.js';

/** Filters of the list of documents. */
export interface DocumentFilter {
  readonly investigationId?: string | undefined;
  /** 64 lower-case hex digits. */
  readonly sha256?: string | undefined;
}

/** Documents, their bytes, who brought them and where they belong. */
@Injectable()
export class DocumentsRepository {
  /** Inserts document and bytes unless the organisation has them; returns whether it did. */
  async insertIfNew(tx: Tx, document: Document & { readonly demo: boolean }, content: Buffer): Promise<boolean> {
    const { id, orgId, sha256, bytes, mediaType, createdBy, demo, createdAtMs } = document;
    const rows = await rowsOf(
      tx,
      {
        text: `INSERT INTO document (id, org_id, sha256, bytes, media_type, created_by, demo, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT (org_id, sha256) DO NOTHING RETURNING id`,
      },
      [id, orgId, Buffer.from(sha256, 'hex'), bytes, mediaType, createdBy, demo, new Date(createdAtMs)],
    );
    if (rows.length === 0) return false;
    const text = 'INSERT INTO document_content (document_id, org_id, content) VALUES ($1, $2, $3)';
    await rowsOf(tx, { text }, [id, orgId, content]);
    return true;
  }

  async findByDigest(tx: Tx, orgId: string, sha256: string): Promise<Document | undefined> {
    const row = await managerOf(tx).findOneBy(DocumentEntity, { orgId, sha256: Buffer.from(sha256, 'hex') });
    return row === null ? undefined : documentFrom(row);
  }

  /** Remembers that a user showed the bytes themselves. */
  async addHolder(
    tx: Tx,
    document: Document,
    holder: { readonly userId: string; readonly atMs: number },
  ): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO document_holder (document_id, user_id, org_id, uploaded_at)
               VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
      },
      [document.id, holder.userId, document.orgId, new Date(holder.atMs)],
    );
  }

  /** A document the viewer brought, or that lies in an investigation they may read. */
  async findVisible(tx: Tx, viewer: Viewer, id: string): Promise<Document | undefined> {
    const row = await this.#visible(tx, viewer).andWhere('document.id = :id', { id }).getOne();
    return row === null ? undefined : documentFrom(row);
  }

  /** Documents the viewer may read, in the order of creation. */
  async findVisibleAfter(
    tx: Tx,
    query: { readonly viewer: Viewer; readonly filter: DocumentFilter },
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Document[]> {
    const { filter } = query;
    const builder = this.#visible(tx, query.viewer);
    if (filter.sha256 !== undefined) {
      builder.andWhere('document.sha256 = :sha256', { sha256: Buffer.from(filter.sha256, 'hex') });
    }
    if (filter.investigationId !== undefined) {
      builder.andWhere(
        `EXISTS (SELECT FROM document_link AS chosen
                  WHERE chosen.document_id = document.id AND chosen.investigation_id = :investigationId)`,
        { investigationId: filter.investigationId },
      );
    }
    if (page.after !== undefined) {
      builder.andWhere('(document.created_at, document.id) > (:at, :after)', {
        at: new Date(Number(page.after.key)),
        after: page.after.id,
      });
    }
    const rows = await builder.orderBy('document.createdAt').addOrderBy('document.id').limit(page.limit).getMany();
    return rows.map(documentFrom);
  }

  async findContent(tx: Tx, id: string): Promise<Buffer | undefined> {
    const text = 'SELECT content FROM document_content WHERE document_id = $1';
    const [row] = await rowsOf<{ content: Buffer }>(tx, { text }, [id]);
    return row?.content;
  }

  /** Links unless linked; returns whether it did. */
  async link(tx: Tx, link: DocumentLink & { readonly orgId: string }): Promise<boolean> {
    const rows = await rowsOf(
      tx,
      {
        text: `INSERT INTO document_link (document_id, investigation_id, org_id, label, linked_by, linked_at)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING document_id`,
      },
      [link.documentId, link.investigationId, link.orgId, link.label, link.linkedBy, new Date(link.linkedAtMs)],
    );
    return rows.length === 1;
  }

  /** Returns whether the document was linked. */
  async unlink(tx: Tx, documentId: string, investigationId: string): Promise<boolean> {
    const { affected } = await managerOf(tx).delete(DocumentLinkEntity, { documentId, investigationId });
    return affected === 1;
  }

  /** Documents of one investigation that carry one of the names. */
  async findExhibits(tx: Tx, investigationId: string, names: ExhibitNames): Promise<readonly Exhibit[]> {
    const rows = await rowsOf<{ id: string; sha256: Buffer; bytes: string; media_type: string }>(
      tx,
      {
        name: 'cases_find_exhibits',
        text: `SELECT document.id, document.sha256, document.bytes, document.media_type
                 FROM document JOIN document_link ON document_link.document_id = document.id
                WHERE document_link.investigation_id = $1
                  AND (document.id = ANY($2::uuid[]) OR document.sha256 = ANY($3::bytea[]))`,
      },
      [investigationId, names.ids, names.digests.map((digest) => Buffer.from(digest, 'hex'))],
    );
    return rows.map((row) => ({
      documentId: row.id,
      sha256: row.sha256.toString('hex'),
      bytes: Number(row.bytes),
      mediaType: row.media_type,
    }));
  }

  #visible(tx: Tx, viewer: Viewer): SelectQueryBuilder<DocumentEntity> {
    return managerOf(tx)
      .createQueryBuilder(DocumentEntity, 'document')
      .where('document.org_id = :viewerOrg')
      .andWhere(
        `(CAST(:viewerReach AS text) = 'organisation'
          OR EXISTS (SELECT FROM document_holder
                      WHERE document_holder.document_id = document.id AND document_holder.user_id = :viewerUser)
          OR EXISTS (SELECT FROM document_link JOIN investigation ON investigation.id = document_link.investigation_id
                      WHERE document_link.document_id = document.id AND ${visibleInvestigation('investigation')}))`,
      )
      .setParameters(viewerParameters(viewer));
  }
}

function documentFrom(row: DocumentEntity): Document {
  const { id, orgId, mediaType, createdBy } = row;
  return {
    id,
    orgId,
    sha256: row.sha256.toString('hex'),
    bytes: Number(row.bytes),
    mediaType,
    createdBy,
    createdAtMs: row.createdAt.getTime(),
  };
}
