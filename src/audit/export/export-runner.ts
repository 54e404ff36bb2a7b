import { createHash, hash, type Hash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import { Injectable } from '@nestjs/common';

import { formatInstant } from '../../platform/clock/index.js';
import { DataConfig } from '../../platform/config/index.js';
import { UnitOfWork } from '../../platform/database/index.js';
import { AppError } from '../../platform/errors/index.js';
import { AuditWriter } from '../audit-writer.js';
import { writeManifest, type BundleManifest } from '../domain/bundle.js';
import type { JsonObject } from '../domain/canonical.js';
import { KeyRing } from '../key-ring.js';
import { LogBook } from '../log-book.js';
import type { AuditLog } from '../persistence/audit-log.repository.js';
import { ExportRepository, type ExportJob } from '../persistence/export.repository.js';
import { BundleFolder } from './bundle-folder.js';
import { ExportRecord } from './export-record.js';
import { LogExporter, type LogPart, type LogWish } from './log-exporter.js';
import { verifierFile } from './verifier-file.js';
import { policyExample, verifyText } from './verify-text.js';
import { ZipWriter } from './zip-writer.js';

const LEASE_MS = 5 * 60_000;
const MAX_ATTEMPTS = 3;
const CHUNK_BYTES = 512 * 1024;

/** Somebody else makes the bundle, or it was removed. */
class LostExportError extends Error {}

/** A log's part while the bundle is made. */
interface Made {
  readonly folder: BundleFolder;
  /** Folder in the bundle with its slash; empty when the bundle is of one log. */
  readonly prefix: string;
  readonly wish: LogWish;
  readonly part: LogPart;
  readonly manifest: string;
}

/** Makes bundles: files on disk, then the record that names their digests, then its proof, then the zip file in pieces. */
@Injectable()
export class ExportRunner {
  // eslint-disable-next-line no-restricted-syntax -- a bundle touches everything that a log has
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly exports: ExportRepository,
    private readonly logs: LogBook,
    private readonly exporter: LogExporter,
    private readonly record: ExportRecord,
    private readonly keys: KeyRing,
    private readonly writer: AuditWriter,
    private readonly data: DataConfig,
  ) {}

  /** Makes the oldest bundle that waits; false: there is none. */
  async runNext(): Promise<boolean> {
    const job = await this.unitOfWork.run((tx) => this.exports.claim(tx, this.writer.nowMs(), LEASE_MS));
    if (job === undefined) return false;
    const root = path.join(this.data.dataDir, 'tmp');
    await mkdir(root, { recursive: true, mode: 0o700 });
    const directory = await mkdtemp(path.join(root, 'export-'));
    try {
      await this.#make(job, directory);
    } catch (error) {
      if (error instanceof LostExportError) return true;
      const code = error instanceof AppError ? error.code : 'internal_error';
      const limits = { maxAttempts: MAX_ATTEMPTS, nowMs: this.writer.nowMs() };
      await this.unitOfWork.run((tx) => this.exports.fail(tx, job, code, limits));
      throw error;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    return true;
  }

  /** Removes bundles whose time is over. */
  async removeExpired(): Promise<void> {
    await this.unitOfWork.run((tx) => this.exports.deleteExpired(tx, this.writer.nowMs()));
  }

  async #make(job: ExportJob, directory: string): Promise<void> {
    const parts = await this.#parts(job);
    const total = parts.reduce((sum, { range }) => sum + range.to.size - (range.from?.size ?? 0), 0);
    const made: Made[] = [];
    let before = 0;
    for (const { log, wish, range } of parts) {
      const prefix = parts.length === 1 ? '' : `${log.period}/`;
      const folder = new BundleFolder(path.join(directory, prefix));
      const part = await this.exporter.write(wish, folder, range, (done) => this.#tell(job, before + done, total));
      before += part.range.to - part.range.from;
      made.push({ folder, prefix, wish, part, manifest: await this.#finishFolder(job, { folder, wish, part }) });
    }
    const facts = await this.record.write(job, made);
    for (const { folder, wish, part } of made) {
      for (const [name, content] of Object.entries(await this.record.proofFor(wish, facts, part.range.to))) {
        await folder.file(name, content);
      }
    }
    await this.#tell(job, total, total);
    const zip = await this.#zip(job, made);
    const result = {
      ...zip,
      logs: made.map(({ wish, part, manifest }) => ({
        origin: wish.origin,
        ...part,
        manifestSha256: hash('sha256', manifest, 'hex'),
      })),
      receipt: facts.receipt,
    };
    await this.unitOfWork.run((tx) => this.exports.finish(tx, job, result, this.writer.nowMs()));
  }

  /** The logs that the wish touches. @throws AppError export_not_ready — nothing is signed yet that it asks for */
  async #parts({ orgId, wish }: ExportJob): Promise<
    readonly {
      readonly log: AuditLog;
      readonly wish: LogWish;
      readonly range: NonNullable<Awaited<ReturnType<LogExporter['rangeOf']>>>;
    }[]
  > {
    const all = await this.unitOfWork.read((tx) => this.logs.findAll(tx));
    const parts = [];
    for (const log of all.filter((one) => one.orgId === orgId)) {
      const caseTag =
        wish.investigation === null ? null : this.keys.open(log.origin).tags.tagOf('case', wish.investigation);
      const own = { ...wish, logId: log.id, origin: log.origin, caseTag };
      const range = await this.exporter.rangeOf(own);
      if (range !== undefined) parts.push({ log, wish: own, range });
    }
    if (parts.length === 0) throw new AppError('export_not_ready', 'No checkpoint covers the time that was asked for.');
    return parts;
  }

  /** What stands in every log's folder beside its records; returns the manifest. */
  async #finishFolder(job: ExportJob, { folder, wish, part }: Pick<Made, 'folder' | 'wish' | 'part'>): Promise<string> {
    const { vkey } = this.keys.open(wish.origin);
    await folder.file('policy.example.txt', policyExample(vkey));
    await folder.file('VERIFY.md', verifyText({ ...wish, range: part.range }, vkey));
    await folder.file('verify.mjs', await verifierFile());
    const manifest: BundleManifest = {
      origin: wish.origin,
      mode: wish.mode,
      range: part.range,
      caseTag: wish.caseTag,
      counts: part.counts,
      keys: [vkey],
      files: folder.listed(),
      about: aboutOf(job, part),
    };
    const text = writeManifest(manifest);
    await folder.file('manifest.json', text);
    return text;
  }

  async #tell(job: ExportJob, done: number, total: number): Promise<void> {
    const leaseUntilMs = this.writer.nowMs() + LEASE_MS;
    if (!(await this.unitOfWork.run((tx) => this.exports.progress(tx, job, { done, total, leaseUntilMs }))))
      throw new LostExportError();
  }

  async #zip(job: ExportJob, made: readonly Made[]): Promise<{ readonly bytes: number; readonly sha256: string }> {
    const pieces = new Pieces(async (n, startsAt, content) => {
      const leaseUntilMs = this.writer.nowMs() + LEASE_MS;
      const chunk = { n, startsAt, content };
      if (!(await this.unitOfWork.run((tx) => this.exports.insertChunk(tx, job, chunk, leaseUntilMs))))
        throw new LostExportError();
    });
    const zip = new ZipWriter((bytes) => pieces.add(bytes));
    for (const { folder, prefix } of made) {
      for (const file of folder.made()) {
        await zip.add({ ...file, file: path.join(folder.directory, file.path), path: `${prefix}${file.path}` });
      }
    }
    await zip.end();
    return pieces.end();
  }
}

/** Collects the zip file into pieces of half a megabyte. */
class Pieces {
  readonly #digest: Hash = createHash('sha256');
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #bytes = 0;
  #n = 0;

  constructor(private readonly save: (n: number, startsAt: number, content: Buffer) => Promise<void>) {}

  async add(bytes: Buffer): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= CHUNK_BYTES) await this.#flush();
  }

  async end(): Promise<{ readonly bytes: number; readonly sha256: string }> {
    if (this.#waitingBytes > 0) await this.#flush();
    return { bytes: this.#bytes, sha256: this.#digest.digest('hex') };
  }

  async #flush(): Promise<void> {
    const content = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#digest.update(content);
    await this.save(this.#n, this.#bytes, content);
    this.#n += 1;
    this.#bytes += content.length;
  }
}

/** For people: who asked for what, for whom and why. */
function aboutOf({ id, wish, createdAtMs, requestedBy }: ExportJob, { closed }: LogPart): JsonObject {
  const instant = (atMs: number | null): string | null => (atMs === null ? null : formatInstant(atMs));
  return {
    export: id,
    from: instant(wish.fromMs),
    investigation: wish.investigation,
    legalBasis: wish.legalBasis,
    ordered: formatInstant(createdAtMs),
    orderedBy: requestedBy,
    reason: wish.reason,
    recipient: wish.recipient,
    to: instant(wish.toMs),
    withheld: closed === 0 ? null : `${String(closed)} sets of disclosures whose keys are destroyed or not here`,
  };
}
