import { Injectable } from '@nestjs/common';

import { UnitOfWork, type Tx } from '../../platform/database/index.js';
import {
  disclosureLine,
  POSITION_HEADER,
  positionLine,
  type BundleManifest,
  type BundleMode,
} from '../domain/bundle.js';
import { canonical } from '../domain/canonical.js';
import { openDisclosure } from '../domain/commitment.js';
import { readCore, type ReadCore } from '../domain/core-check.js';
import { hashLines } from '../domain/proof.js';
import { RECORD_CSV_HEADER, recordCsvLine, recordJsonLine, recordRow } from '../domain/record-row.js';
import { openTexts, unpackBlobs } from '../domain/vault-blob.js';
import { splitCores } from '../domain/verify-lane.js';
import type { DekState } from '../domain/verify-vault.js';
import { BatchReader, type OrderedBatch } from '../persistence/batch.reader.js';
import { CheckpointRepository, type StoredCheckpoint } from '../persistence/checkpoint.repository.js';
import { TreeReader } from '../tree-reader.js';
import { Vault } from '../vault.js';
import type { BundleFolder } from './bundle-folder.js';

const LEAF_BYTES = 32;
/** A page holds at most 16 × 512 KiB, the limit of a flush. */
const PAGE = 16;
const SEALS = 200;
const MAX_KEYS = 10_000;
/** Clocks of two replicas differ by less. */
const SKEW_MS = 5_000;

/** What is wanted of one log. */
export interface LogWish {
  readonly logId: number;
  readonly origin: string;
  /** Tag of the case whose disclosures are opened; null: of none. */
  readonly caseTag: string | null;
  readonly mode: BundleMode;
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** What was written of one log. */
export interface LogPart extends Pick<BundleManifest, 'range' | 'counts'> {
  /** Records whose disclosures could not be opened: keys that are gone or not here. */
  readonly closed: number;
}

/** Writes the records of a log into a bundle: exact bytes in the order of the tree, with the disclosures of one case. Pages of
 *  the database and files on disk: memory does not grow with the log. */
@Injectable()
export class LogExporter {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly batches: BatchReader,
    private readonly checkpoints: CheckpointRepository,
    private readonly tree: TreeReader,
    private readonly vault: Vault,
  ) {}

  /** The part of the tree that a wish covers, between two checkpoints; undefined when none covers it. No record of the wished
   *  time is left out; some before and after it may be in. */
  async rangeOf({
    logId,
    fromMs,
    toMs,
  }: LogWish): Promise<{ readonly from: StoredCheckpoint | undefined; readonly to: StoredCheckpoint } | undefined> {
    return this.unitOfWork.read(async (tx) => {
      const after = toMs === null ? undefined : await this.checkpoints.findFrom(tx, logId, toMs + SKEW_MS);
      const to = after ?? (await this.checkpoints.findNewest(tx, logId));
      const from = fromMs === null ? undefined : await this.checkpoints.findBefore(tx, logId, fromMs - SKEW_MS);
      return to === undefined || (from !== undefined && from.size >= to.size) ? undefined : { from, to };
    });
  }

  /** Writes everything but manifest and proof of the export. `onProgress` hears how many records are done. */
  async write(
    wish: LogWish,
    folder: BundleFolder,
    range: NonNullable<Awaited<ReturnType<LogExporter['rangeOf']>>>,
    onProgress: (done: number) => Promise<void>,
  ): Promise<LogPart> {
    const [from, to] = [range.from?.size ?? 0, range.to.size];
    for (const checkpoint of [range.from, range.to]) {
      if (checkpoint !== undefined) await folder.file(`checkpoints/${String(checkpoint.size)}`, checkpoint.note);
    }
    if (from > 0) {
      const edge = await this.unitOfWork.read((tx) => this.tree.edge(tx, wish.logId, from));
      await folder.file('proofs/range.proof', hashLines(edge));
    }
    await this.#writeSeals(wish.logId, folder, { from, to });
    const walk = await Walk.start(wish, folder);
    for (let index = from; index < to;) {
      index = await this.unitOfWork.read((tx) => this.#writePage(tx, walk, { index, to }));
      await onProgress(index - from);
    }
    await walk.close();
    const { cores, stubs, rows, disclosed, closed } = walk;
    return { range: { from, to }, counts: { cores, stubs, rows, disclosed }, closed };
  }

  async #writePage(tx: Tx, walk: Walk, place: { readonly index: number; readonly to: number }): Promise<number> {
    const { logId } = walk.wish;
    const page = await this.batches.inOrder(tx, { logId, index: place.index, limit: PAGE });
    let index = place.index;
    for (const batch of page) {
      const cores = splitCores(batch.body);
      const hits = cores.map((bytes) => walk.matches(bytes));
      const vault =
        walk.wish.caseTag !== null && hits.some((hit) => typeof hit === 'object')
          ? await this.#open(tx, walk, batch, hits)
          : NONE;
      for (const [at, bytes] of cores.entries()) {
        const here = batch.firstIndex + at;
        if (here < index || here >= place.to) continue;
        const leaf = batch.leaves.subarray(at * LEAF_BYTES, (at + 1) * LEAF_BYTES);
        await walk.add({
          index: here,
          lane: batch.lane,
          n: batch.n0 + at,
          leaf,
          bytes,
          hit: hits[at],
          texts: vault.get(at),
        });
        index = here + 1;
      }
    }
    if (index === place.index)
      throw new Error(`Record ${String(index)} of log ${String(logId)} is not in the database`);
    return index;
  }

  /** The disclosures of a batch's records of the case, by position in the batch. */
  async #open(
    tx: Tx,
    walk: Walk,
    batch: OrderedBatch,
    hits: readonly (ReadCore | boolean)[],
  ): Promise<ReadonlyMap<number, readonly string[]>> {
    const { logId, origin } = walk.wish;
    const packed = await this.batches.findVault(tx, { logId, ...batch });
    const opened = new Map<number, readonly string[]>();
    for (const blob of packed === null ? [] : (unpackBlobs(packed) ?? [])) {
      const core = hits[blob.index];
      if (typeof core !== 'object') continue;
      const dek = walk.deks.get(blob.dekId) ?? (await this.vault.findDek(tx, blob.dekId));
      if (walk.deks.size >= MAX_KEYS) walk.deks.clear();
      walk.deks.set(blob.dekId, dek);
      const binding = { origin, recordId: core.id, class: blob.class, dekId: blob.dekId };
      const texts = typeof dek === 'string' ? undefined : openTexts(dek, blob, binding);
      if (texts === undefined) walk.closed += 1;
      else opened.set(blob.index, [...(opened.get(blob.index) ?? []), ...texts]);
    }
    return opened;
  }

  async #writeSeals(logId: number, folder: BundleFolder, range: { from: number; to: number }): Promise<void> {
    const sink = await folder.open('seals.jsonl');
    for (let no = 0; ;) {
      const seals = await this.unitOfWork.read((tx) =>
        this.checkpoints.findSealsOf(tx, { logId, no, ...range, limit: SEALS }),
      );
      for (const { note } of seals) await sink.add(`${canonical(note)}\n`);
      const last = seals.at(-1);
      if (last === undefined) break;
      no = last.no + 1;
    }
    await folder.close(sink);
  }
}

const NONE: ReadonlyMap<number, readonly string[]> = new Map();

/** One record on its way into the files. */
interface Step {
  readonly index: number;
  readonly lane: string;
  readonly n: number;
  readonly leaf: Buffer;
  readonly bytes: Buffer;
  /** The core when it belongs to the case; true when every record does. */
  readonly hit: ReadCore | boolean | undefined;
  readonly texts: readonly string[] | undefined;
}

type Sink = Awaited<ReturnType<BundleFolder['open']>>;

/** The files that grow with every record. */
class Walk {
  readonly deks = new Map<string, DekState>();
  cores = 0;
  stubs = 0;
  rows = 0;
  disclosed = 0;
  closed = 0;
  readonly #needle: string;

  private constructor(
    readonly wish: LogWish,
    private readonly folder: BundleFolder,
    private readonly sinks: Readonly<Record<'entries' | 'positions' | 'disclosures' | 'csv' | 'jsonl', Sink>>,
  ) {
    this.#needle = `"caseTag":"${wish.caseTag ?? ''}"`;
  }

  static async start(wish: LogWish, folder: BundleFolder): Promise<Walk> {
    const walk = new Walk(wish, folder, {
      entries: await folder.open('entries.jsonl'),
      positions: await folder.open('positions.csv'),
      disclosures: await folder.open('disclosures.jsonl'),
      csv: await folder.open('records.csv'),
      jsonl: await folder.open('records.jsonl'),
    });
    await walk.sinks.positions.add(POSITION_HEADER);
    await walk.sinks.csv.add(RECORD_CSV_HEADER);
    return walk;
  }

  /** The core when it belongs into the tables. Its bytes are looked through first: reading costs ten times as much. */
  matches(bytes: Buffer): ReadCore | boolean {
    const { caseTag } = this.wish;
    if (caseTag !== null && !bytes.includes(this.#needle)) return false;
    const core = readCore(bytes);
    return typeof core === 'object' && (caseTag === null || core.caseTag === caseTag) ? core : false;
  }

  async add({ index, lane, n, leaf, bytes, hit, texts }: Step): Promise<void> {
    const core = typeof hit === 'object' ? hit : undefined;
    const state = this.wish.mode === 'range' || core !== undefined ? 'core' : 'stub';
    await this.sinks.positions.add(positionLine({ index, lane, n, leaf, state }));
    if (state === 'stub') {
      this.stubs += 1;
      return;
    }
    this.cores += 1;
    await this.sinks.entries.add(Buffer.concat([bytes, LINE_FEED]));
    if (core === undefined) return;
    if (texts !== undefined) {
      this.disclosed += 1;
      await this.sinks.disclosures.add(disclosureLine(core.id, texts));
    }
    const opened = (texts ?? []).flatMap((text) => openDisclosure(text) ?? []);
    const row = recordRow(index, core, opened);
    this.rows += 1;
    await this.sinks.csv.add(recordCsvLine(row));
    await this.sinks.jsonl.add(recordJsonLine(row, opened));
  }

  async close(): Promise<void> {
    for (const sink of Object.values(this.sinks)) await this.folder.close(sink);
  }
}

const LINE_FEED = Buffer.from('\n');
