import { formatMicros } from '../platform/clock/index.js';
import { monthOf } from './domain/period.js';
import { headsOf, leafHash, NO_HEADS, type Heads } from './domain/chain.js';
import { MAX_CORE_BYTES, writeCore } from './domain/core.js';
import { packBlobs, type VaultBlob } from './domain/vault-blob.js';
import type { Batch } from './persistence/lane.repository.js';
import type { PreparedRecord, Receipt } from './record-draft.js';

const LINE_FEED = 0x0a;

/** A batch with the receipts of its records, and the lane's state after it. */
export interface Linked {
  readonly batch: Batch;
  readonly receipts: readonly Receipt[];
}

/** One chain and its only writer. What was linked counts when {@link committed} says so; until then the heads stand still. */
export class Lane {
  #n = 0;
  #heads: Heads = NO_HEADS;
  #lastMicros = 0;
  #pending: { readonly n: number; readonly heads: Heads; readonly atMicros: number } | undefined;

  constructor(
    readonly id: string,
    readonly log: { readonly id: number; readonly origin: string; readonly period: string },
    private readonly durability: 'strict' | 'relaxed',
  ) {}

  /** Records that are durable. */
  get length(): number {
    return this.#n;
  }

  /** Of the last durable record. */
  get heads(): Heads {
    return this.#heads;
  }

  /** Where the next record goes: behind those of the transaction in flight. */
  get end(): { readonly n: number; readonly heads: Heads } {
    return this.#pending ?? { n: this.#n, heads: this.#heads };
  }

  /** Links records in order behind the lane's end. `nowMicros`: wall clock. `cp`: the newest checkpoint seen, canonical. */
  link(records: readonly PreparedRecord[], nowMicros: number, cp?: string): Linked {
    const start = this.end;
    let { heads, n } = start;
    // A clock that steps back must not make time fall inside a lane.
    const atMicros = Math.max(nowMicros, this.#pending?.atMicros ?? this.#lastMicros);
    const at = formatMicros(atMicros);
    const cores: Buffer[] = [];
    const leaves: Buffer[] = [];
    const receipts: Receipt[] = [];
    const blobs: VaultBlob[] = [];
    for (const [index, record] of records.entries()) {
      const core = Buffer.from(
        writeCore(
          { ...record, durability: this.durability },
          { log: this.log.origin, lane: this.id, n, at, heads, cp: index === 0 ? cp : undefined },
        ),
      );
      if (core.length > MAX_CORE_BYTES)
        throw new Error(`An audit core of ${String(core.length)} bytes exceeds the format`);
      heads = headsOf(core);
      cores.push(core);
      leaves.push(leafHash(core));
      receipts.push({ recordId: record.id, lane: this.id, n, sha256: heads.sha256 });
      for (const blob of record.blobs) blobs.push({ ...blob, index });
      n += 1;
    }
    this.#pending = { n, heads, atMicros };
    return {
      receipts,
      batch: {
        lane: this.id,
        n0: start.n,
        head0: start.heads.sha256,
        count: records.length,
        month: monthOf(Math.floor(atMicros / 1000)),
        atMicros,
        heads,
        leaves: Buffer.concat(leaves),
        body: joinLines(cores),
        vault: blobs.length === 0 ? null : packBlobs(blobs),
      },
    };
  }

  /** The linked batch is durable: the heads move. */
  committed(): void {
    if (this.#pending === undefined) return;
    this.#n = this.#pending.n;
    this.#heads = this.#pending.heads;
    this.#lastMicros = this.#pending.atMicros;
    this.#pending = undefined;
  }

  /** The linked batch is not in the database: it may be linked again. */
  rolledBack(): void {
    this.#pending = undefined;
  }

  /** True between {@link link} and its verdict. */
  get hasPending(): boolean {
    return this.#pending !== undefined;
  }

  /** Whether the database stands where the doubtful batch would have led. */
  isPending(found: { readonly n: number; readonly sha256: string }): boolean {
    return this.#pending !== undefined && found.n === this.#pending.n && found.sha256 === this.#pending.heads.sha256;
  }

  /** Whether the database is behind what it once confirmed, or another record stands there: commits were lost. */
  isBehind(found: { readonly n: number; readonly sha256: string } | undefined): boolean {
    if (found === undefined) return this.#n > 0;
    return found.n < this.#n || (found.n === this.#n && found.sha256 !== this.#heads.sha256);
  }
}

function joinLines(cores: readonly Buffer[]): Buffer {
  const size = cores.reduce((total, core) => total + core.length + 1, -1);
  const body = Buffer.allocUnsafe(Math.max(0, size));
  let at = 0;
  for (const core of cores) {
    if (at > 0) body[at++] = LINE_FEED;
    at += core.copy(body, at);
  }
  return body;
}
