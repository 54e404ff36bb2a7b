import { Injectable } from '@nestjs/common';

import type { Tx } from '../platform/database/index.js';
import { consistencyRanges, inclusionRanges, type LeafRange } from './domain/merkle.js';
import { TileHashes, tilesOf } from './domain/tile-tree.js';
import { TreeRepository } from './persistence/tree.repository.js';

/** Proofs from the stored tree. What it returns is as old as the database is honest: a verifier checks it. */
@Injectable()
export class TreeReader {
  constructor(private readonly tree: TreeRepository) {}

  /** Hashes that lead from leaf `index` to the root of the tree of `size` leaves. */
  async inclusion(tx: Tx, logId: number, { index, size }: { index: number; size: number }): Promise<readonly Buffer[]> {
    const hashes = await this.#hashes(tx, logId, inclusionRanges(index, size));
    return hashes.map((read) => read.whole);
  }

  /** Hashes that prove that the tree of `size` leaves begins with the one of `old`. */
  async consistency(tx: Tx, logId: number, { old, size }: { old: number; size: number }): Promise<readonly Buffer[]> {
    const hashes = await this.#hashes(tx, logId, consistencyRanges(old, size));
    return hashes.map((read) => read.whole);
  }

  /** Hashes of the complete subtrees of the first `size` leaves, left to right. */
  async edge(tx: Tx, logId: number, size: number): Promise<readonly Buffer[]> {
    if (size === 0) return [];
    const [hashes] = await this.#hashes(tx, logId, [{ begin: 0, end: size }]);
    return hashes?.nodes ?? [];
  }

  /** Root of the first `size` leaves. */
  async root(tx: Tx, logId: number, size: number): Promise<Buffer | undefined> {
    const state = await this.tree.findState(tx, logId);
    if (state === undefined || size > state.size || size === 0) return undefined;
    const [hashes] = await this.#hashes(tx, logId, [{ begin: 0, end: size }]);
    return hashes?.whole;
  }

  async #hashes(
    tx: Tx,
    logId: number,
    ranges: readonly LeafRange[],
  ): Promise<readonly { readonly whole: Buffer; readonly nodes: readonly Buffer[] }[]> {
    const state = await this.tree.findState(tx, logId);
    if (state === undefined) throw new Error(`There is no log ${String(logId)}`);
    const tiles = await this.tree.findTiles(tx, logId, tilesOf(ranges, state.size));
    const hashes = new TileHashes(state.size, state.frontier, tiles);
    return ranges.map((range) => ({ whole: hashes.range(range), nodes: hashes.nodes(range) }));
  }
}
