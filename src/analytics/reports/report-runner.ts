import { createHash, type Hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

import { Injectable } from '@nestjs/common';

import { Clock, formatInstant } from '../../platform/clock/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import { exportHead } from '../domain/export-lines.js';
import { FOCUS_COLUMNS, FOCUS_SOURCE } from '../domain/focus-columns.js';
import { unitsOf, type ReportQuery } from '../domain/report-query.js';
import { ReportJobRepository, type ReportJob } from '../persistence/report-job.repository.js';
import { headerOf, ReportRows } from './report-rows.js';

const deflate = promisify(gzip);
const inflate = promisify(gunzip);
const CHUNK_BYTES = 512 * 1024;
const LEASE_MS = 5 * 60_000;
const MAX_ATTEMPTS = 5;

/** Somebody else carries the job on, or it was removed. */
class LostJobError extends Error {}

/** This process ends: the job goes back, to be carried on by another. */
class StoppedError extends Error {}

/** Works off report jobs: one unit after the other, in pieces of half a megabyte, so that memory stays the same however long the
 *  file becomes, and so that a job whose process died goes on after its last complete unit. */
@Injectable()
export class ReportRunner {
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly jobs: ReportJobRepository,
    private readonly lines: ReportRows,
    private readonly clock: Clock,
  ) {}

  /** Makes the file of the oldest waiting job. False: there is none, or this process ends. */
  async runNext(): Promise<boolean> {
    if (this.#isStopping) return false;
    const running = this.#runNext();
    this.#running = running.catch(() => undefined);
    return running;
  }

  /** Gives a job in the making back and takes no other. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #runNext(): Promise<boolean> {
    const job = await this.unitOfWork.run((tx) => this.jobs.claim(tx, this.clock.nowMs(), LEASE_MS));
    if (job === undefined) return false;
    try {
      await this.#make(job);
    } catch (error) {
      if (error instanceof LostJobError) return true;
      if (error instanceof StoppedError) {
        await this.unitOfWork.run((tx) => this.jobs.release(tx, job));
        return false;
      }
      const message = error instanceof AppError ? error.code : 'internal_error';
      await this.unitOfWork.run((tx) =>
        this.jobs.fail(tx, job, message, { maxAttempts: MAX_ATTEMPTS, nowMs: this.clock.nowMs() }),
      );
      throw error;
    }
    return true;
  }

  /** Removes files whose time is over. */
  async removeExpired(): Promise<void> {
    await this.unitOfWork.run((tx) => this.jobs.deleteExpired(tx, this.clock.nowMs()));
  }

  async #make(job: ReportJob): Promise<void> {
    const units = unitsOf(job.query);
    const file = new FileWriter(job, this.#save(job));
    await this.#readBack(job, file);
    if (job.unitsDone === 0) await file.add(exportHead(job.query.format, headerOf(job.query)), 0);
    let rows = job.rows;
    for (const [index, unit] of units.entries()) {
      if (index < job.unitsDone) continue;
      rows += await this.lines.write(job.orgId, job.query, unit, (line) => {
        if (this.#isStopping) throw new StoppedError();
        return file.add(line, index);
      });
      await file.flush(index);
      const progress = { unitsDone: index + 1, rows, bytes: file.bytes };
      const isMine = await this.unitOfWork.run((tx) =>
        this.jobs.finishUnit(tx, job, progress, this.clock.nowMs() + LEASE_MS),
      );
      if (!isMine) throw new LostJobError();
    }
    const manifest = manifestOf(job, { sha256: file.sha256(), bytes: file.bytes, rows });
    await this.unitOfWork.run((tx) => this.jobs.finish(tx, job, manifest, this.clock.nowMs()));
  }

  #save(job: ReportJob): ConstructorParameters<typeof FileWriter>[1] {
    return async (chunk) => {
      const isMine = await this.unitOfWork.run((tx) =>
        this.jobs.insertChunk(tx, job, chunk, this.clock.nowMs() + LEASE_MS),
      );
      if (!isMine) throw new LostJobError();
    };
  }

  /** What an earlier run made counts for the digest of the whole. */
  async #readBack(job: ReportJob, file: FileWriter): Promise<void> {
    if (job.unitsDone === 0) return;
    for (;;) {
      const [chunk] = await this.unitOfWork.read((tx) =>
        this.jobs.findChunks(tx, job.id, { fromByte: file.bytes, limit: 1 }),
      );
      if (chunk === undefined) return;
      file.resume(await inflate(chunk.content), chunk.n);
    }
  }
}

/** Collects lines to pieces and counts what was written. */
class FileWriter {
  bytes = 0;
  #n = 0;
  #rows = 0;
  #waiting: string[] = [];
  #waitingLength = 0;
  readonly #hash: Hash = createHash('sha256');

  constructor(
    readonly job: ReportJob,
    private readonly save: (chunk: Parameters<ReportJobRepository['insertChunk']>[2]) => Promise<void>,
  ) {}

  /** Undefined: nothing to wait for. */
  add(line: string, unit: number): Promise<void> | undefined {
    if (line === '') return undefined;
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    this.#rows += 1;
    return this.#waitingLength >= CHUNK_BYTES ? this.flush(unit) : undefined;
  }

  async flush(unit: number): Promise<void> {
    if (this.#waiting.length === 0) return;
    const raw = Buffer.from(this.#waiting.join(''));
    const rows = this.#rows;
    this.#waiting = [];
    [this.#waitingLength, this.#rows] = [0, 0];
    const content = await deflate(raw, { level: 6 });
    this.#n += 1;
    await this.save({ n: this.#n, unit, rows, startsAt: this.bytes, bytes: raw.length, content });
    this.#hash.update(raw);
    this.bytes += raw.length;
  }

  /** Takes a piece that is there already. */
  resume(raw: Buffer, n: number): void {
    this.#hash.update(raw);
    this.bytes += raw.length;
    this.#n = n;
  }

  sha256(): string {
    return this.#hash.digest('hex');
  }
}

/** Name of the data file of a report. */
export function fileNameOf({ kind, format, fromMs, toMs }: ReportQuery): string {
  const day = (atMs: number): string => formatInstant(atMs).slice(0, 10);
  return `${kind}_${day(fromMs)}_${day(toMs)}.${format}`;
}

/** What a FOCUS file is described with. Source: FOCUS 1.2, metadata: schema. */
function focusMetadata({ spec }: ReportQuery): object {
  const types = new Map(FOCUS_COLUMNS.map(({ id, type }) => [id, type]));
  return {
    SchemaId: `aip-focus-${spec}`,
    FocusVersion: spec,
    Specification: FOCUS_SOURCE.specification,
    ColumnDefinition: headerOf({ kind: 'focus', spec } as ReportQuery).map((name) => ({
      ColumnName: name,
      DataType: types.get(name) ?? (name === 'x_RequestCount' || name.endsWith('Seq') ? 'Decimal' : 'String'),
    })),
  };
}

function manifestOf(
  job: ReportJob,
  file: { readonly sha256: string; readonly bytes: number; readonly rows: number },
): object {
  const { fromMs, toMs, ...query } = job.query;
  return {
    files: [{ name: fileNameOf(job.query), ...file }],
    query: { ...query, from: formatInstant(fromMs), to: formatInstant(toMs) },
    exporter: { userId: job.requestedBy, orgId: job.orgId },
    ...(query.kind === 'focus' ? { metadata: focusMetadata(job.query) } : {}),
  };
}
