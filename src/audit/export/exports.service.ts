import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { UnitOfWork } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import { newId } from '../../platform/ids/index.js';
import type { Keyset } from '../../platform/http/index.js';
import type { Principal } from '../../platform/security/index.js';
import { AuditService } from '../audit.service.js';
import { AuditWriter } from '../audit-writer.js';
import { ExportRepository, type ExportJob, type ExportWish } from '../persistence/export.repository.js';

const KEPT_MS = 7 * 86_400_000;
const MAX_OPEN = 20;

/** The end of a bundle, from a byte on. */
export interface BundleContent {
  readonly job: ExportJob;
  readonly fromByte: number;
  /** Pieces in order; one is in memory at a time. */
  readonly pieces: AsyncGenerator<Buffer>;
}

/** Takes orders for evidence bundles, releases them and hands them out: each of the three is on record before it happens. */
@Injectable()
export class ExportsService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly exports: ExportRepository,
    private readonly audit: AuditService,
    private readonly writer: AuditWriter,
  ) {}

  /** Orders a bundle; the same key with the same wish is the same bundle. On record as a disclosure before anything is read.
   *  @throws AppError idempotency_key_reused; conflict — too many are waiting */
  async start(principal: Principal, wish: ExportWish, idempotencyKey: string): Promise<ExportJob> {
    const { orgId, userId } = principal;
    const fingerprint = hash('sha256', JSON.stringify(wish), 'buffer');
    const createdAtMs = this.writer.nowMs();
    const order = { id: newId(), orgId, requestedBy: userId, wish, createdAtMs, expiresAtMs: createdAtMs + KEPT_MS };
    return this.unitOfWork.run(async (tx) => {
      const open = await this.exports.countOpen(tx, orgId);
      const found = await this.exports.insert(tx, { ...order, idempotencyKey, fingerprint });
      if (!found.fingerprint.equals(fingerprint))
        throw new AppError(
          'idempotency_key_reused',
          'This Idempotency-Key was used for another bundle. Choose a new one.',
        );
      if (!found.isNew) return found.job;
      if (open >= MAX_OPEN)
        throw new AppError('conflict', `${String(open)} bundles are waiting. Order more when some of them are done.`);
      await this.audit.recordDraft(tx, {
        type: 'data.disclose',
        orgId,
        actor: { kind: 'user', id: userId },
        caseId: wish.investigation,
        pub: { kind: 'export', id: found.job.id, class: wish.mode },
        disclosures: [
          { class: 'o', name: 'user', value: userId },
          { class: 's', name: 'reason', value: wish.reason },
          { class: 's', name: 'recipient', value: wish.recipient },
          ...(wish.legalBasis === null ? [] : [{ class: 's' as const, name: 'legal.basis', value: wish.legalBasis }]),
        ],
      });
      return found.job;
    });
  }

  /** @throws AppError not_found */
  async find(principal: Principal, id: string): Promise<ExportJob> {
    const job = await this.unitOfWork.read((tx) => this.exports.find(tx, principal.orgId, id));
    if (job === undefined) throw new AppError('not_found', 'There is no such bundle, or its time is over.');
    return job;
  }

  /** Newest first, one more than `limit` when there are more. */
  async findAll(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly ExportJob[]> {
    return this.unitOfWork.read((tx) => this.exports.findPage(tx, principal.orgId, page));
  }

  /** Lets a bundle go to somebody; on record with name and reason. @throws AppError not_found; export_not_ready */
  async release(
    principal: Principal,
    id: string,
    to: { readonly recipient: string; readonly reason: string },
  ): Promise<ExportJob> {
    const job = await this.find(principal, id);
    if (job.state !== 'DONE')
      throw new AppError('export_not_ready', 'The bundle is not complete yet. Ask again later.');
    await this.unitOfWork.run(async (tx) => {
      await this.exports.release(tx, id, this.writer.nowMs());
      await this.#recordRelease(tx, principal, job, to);
    });
    return this.find(principal, id);
  }

  /** The zip file from a byte on. A download from its beginning is a release to whoever downloads, on record before a byte
   *  leaves. @throws AppError not_found; export_not_ready — it is not complete or not released; invalid_value */
  async content(principal: Principal, id: string, fromByte: number): Promise<BundleContent> {
    const job = await this.find(principal, id);
    if (job.state !== 'DONE')
      throw new AppError('export_not_ready', 'The bundle is not complete yet. Ask again later.');
    if (job.releasedAtMs === null)
      throw new AppError('export_not_ready', 'The bundle is not released yet: POST …/release names the recipient.');
    if (fromByte >= job.bytes)
      throw new AppError('invalid_value', `The bundle has ${String(job.bytes)} bytes.`, { param: 'Range' });
    if (fromByte === 0) {
      const to = { recipient: principal.userId, reason: 'download' };
      await this.unitOfWork.run((tx) => this.#recordRelease(tx, principal, job, to));
    }
    return { job, fromByte, pieces: this.#pieces(job, fromByte) };
  }

  async #recordRelease(
    tx: Parameters<AuditService['recordDraft']>[0],
    { orgId, userId }: Principal,
    { id, bytes, result, wish }: ExportJob,
    { recipient, reason }: { readonly recipient: string; readonly reason: string },
  ): Promise<void> {
    const digest = result?.['sha256'];
    await this.audit.recordDraft(tx, {
      type: 'export.released',
      orgId,
      actor: { kind: 'user', id: userId },
      caseId: wish.investigation,
      pub: { id, bytes, sha256: typeof digest === 'string' ? digest : '' },
      disclosures: [
        { class: 'o', name: 'user', value: userId },
        { class: 's', name: 'recipient', value: recipient },
        { class: 's', name: 'reason', value: reason },
      ],
    });
  }

  async *#pieces({ id, bytes }: ExportJob, fromByte: number): AsyncGenerator<Buffer> {
    for (let at = fromByte; at < bytes;) {
      const from = at;
      const chunk = await this.unitOfWork.read((tx) => this.exports.findChunk(tx, id, from));
      if (chunk === undefined) throw new Error(`Bundle ${id} lacks byte ${String(at)}`);
      yield chunk.content.subarray(at - chunk.startsAt);
      at = chunk.startsAt + chunk.content.length;
    }
  }
}
