import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { Injectable } from '@nestjs/common';

import { AuditService } from '../../audit/index.js';
import { Clock } from '../../platform/clock/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import type { Keyset } from '../../platform/http/index.js';
import { newId } from '../../platform/ids/index.js';
import type { Principal } from '../../platform/security/index.js';
import { unitsOf, type ReportQuery } from '../domain/report-query.js';
import { ReportJobRepository, type ReportJob } from '../persistence/report-job.repository.js';

const inflate = promisify(gunzip);
const DAY_MS = 86_400_000;
const KEPT_MS = 7 * DAY_MS;
const MAX_DAYS = 3 * 366;
const MAX_OPEN = 20;

/** The end of a file, from a byte on. */
export interface ReportContent {
  readonly job: ReportJob;
  readonly fromByte: number;
  /** Pieces in order; one is in memory at a time. */
  readonly pieces: AsyncGenerator<Buffer>;
}

/** Takes orders for files and hands them out. */
@Injectable()
export class ReportsService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly jobs: ReportJobRepository,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Orders a file; the same key with the same query gives the same job. The order is recorded as a disclosure before anything
   *  is made. @throws AppError invalid_value; idempotency_key_reused; conflict — too many are waiting */
  async start(principal: Principal, query: ReportQuery, idempotencyKey: string): Promise<ReportJob> {
    const days = (query.toMs - query.fromMs) / DAY_MS;
    if (days <= 0 || days > MAX_DAYS) {
      throw new AppError('invalid_value', `A report covers 1 to ${String(MAX_DAYS)} days. Choose another range.`, {
        param: 'to',
      });
    }
    const nowMs = this.clock.nowMs();
    const key = { orgId: principal.orgId, requestedBy: principal.userId, idempotencyKey };
    const fingerprint = hash('sha256', JSON.stringify(query), 'buffer');
    const id = newId();
    return this.unitOfWork.run(async (tx) => {
      const open = await this.jobs.countOpen(tx, principal.orgId);
      const job = {
        ...key,
        id,
        query,
        units: unitsOf(query).length,
        fingerprint,
        createdAtMs: nowMs,
        expiresAtMs: nowMs + KEPT_MS,
      };
      const isNew = await this.jobs.insert(tx, job);
      const found = await this.jobs.findByKey(tx, key);
      if (found === undefined) throw new Error('The job was just written');
      if (!found.fingerprint.equals(fingerprint)) {
        throw new AppError(
          'idempotency_key_reused',
          'This Idempotency-Key was used for another report. Choose a new one.',
        );
      }
      if (!isNew) return found.job;
      if (open >= MAX_OPEN) {
        throw new AppError('conflict', `${String(open)} reports are waiting. Order more when some of them are done.`);
      }
      await this.audit.recordDraft(tx, {
        type: 'data.disclose',
        orgId: principal.orgId,
        actor: { kind: 'user', id: principal.userId },
        caseId: query.investigations.length === 1 ? (query.investigations[0] ?? null) : null,
        pub: { kind: 'report', id, class: query.kind },
      });
      return found.job;
    });
  }

  /** @throws AppError not_found */
  async find(principal: Principal, id: string): Promise<ReportJob> {
    const job = await this.unitOfWork.read((tx) => this.jobs.find(tx, principal.orgId, id));
    if (job === undefined) throw new AppError('not_found', 'There is no such report, or its time is over.');
    return job;
  }

  /** Newest first, one more than `limit` when there are more. */
  async findAll(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly ReportJob[]> {
    return this.unitOfWork.read((tx) => this.jobs.findPage(tx, principal.orgId, page));
  }

  /** The file from `fromByte` on. @throws AppError not_found; export_not_ready; invalid_value — the file is shorter */
  async content(principal: Principal, id: string, fromByte: number): Promise<ReportContent> {
    const job = await this.find(principal, id);
    if (job.state !== 'DONE') {
      throw new AppError('export_not_ready', `The report is ${job.state}. Ask again when it is DONE.`);
    }
    if (fromByte > job.bytes)
      throw new AppError('invalid_value', `The file has ${String(job.bytes)} bytes.`, { param: 'Range' });
    return { job, fromByte, pieces: this.#pieces(job, fromByte) };
  }

  async *#pieces(job: ReportJob, fromByte: number): AsyncGenerator<Buffer> {
    for (let at = fromByte; at < job.bytes;) {
      const from = { fromByte: at, limit: 1 };
      const [chunk] = await this.unitOfWork.read((tx) => this.jobs.findChunks(tx, job.id, from));
      if (chunk === undefined) throw new Error('A piece of the file is missing');
      const raw = await inflate(chunk.content);
      yield raw.subarray(at - chunk.startsAt);
      at = chunk.startsAt + chunk.bytes;
    }
  }
}
