import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import type { Tx } from '../platform/database/index.js';
import { readCore, type ReadCore } from './domain/core-check.js';
import { splitCores } from './domain/verify-lane.js';
import { LogBook } from './log-book.js';
import { BatchReader } from './persistence/batch.reader.js';

/** A record as it is stored. */
export interface StoredRecord {
  readonly orgId: string;
  /** The exact bytes that were hashed. */
  readonly bytes: Buffer;
  /** SHA-256 of the bytes: third part of the receipt. */
  readonly sha256: string;
  /** What the bytes say; undefined when they are no core any more. */
  readonly core: ReadCore | undefined;
}

/** Reads single records by the place a receipt names. */
@Injectable()
export class RecordReader {
  constructor(
    private readonly logs: LogBook,
    private readonly batches: BatchReader,
  ) {}

  /** The log of a lane; undefined when there is no such lane. */
  logOf(tx: Tx, lane: string): Promise<number | undefined> {
    return this.batches.findLogOf(tx, lane);
  }

  /** The record at a place; undefined when there is none. The caller checks that its organisation may see it. */
  async find(tx: Tx, place: { readonly lane: string; readonly n: number }): Promise<StoredRecord | undefined> {
    const { lane, n } = place;
    const logId = await this.batches.findLogOf(tx, lane);
    if (logId === undefined) return undefined;
    const months = await this.batches.months(tx, logId);
    for (const month of months.toReversed()) {
      const batch = await this.batches.findBatch(tx, { logId, lane, month, n });
      const bytes = batch === undefined ? undefined : splitCores(batch.body)[n - batch.n0];
      if (bytes === undefined) continue;
      const core = readCore(bytes);
      return {
        orgId: await this.logs.findOrg(tx, logId),
        bytes: Buffer.from(bytes),
        sha256: hash('sha256', bytes, 'hex'),
        core: typeof core === 'string' ? undefined : core,
      };
    }
    return undefined;
  }
}
