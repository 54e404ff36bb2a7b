import { hash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import {
  CompactTree,
  consistencyRanges,
  EMPTY_ROOT,
  foldNodes,
  inclusionRanges,
  nodesOf,
  verifyConsistency,
  verifyInclusion,
} from './merkle.js';
import { leafHash } from './chain.js';
import { TileHashes, tilesOf, TileTree, type Tile } from './tile-tree.js';

const leaves = Array.from({ length: 300 }, (_, n) => leafHash(Buffer.from(`record ${String(n)}`)));

/** RFC 6962 §2.1, word for word. */
function definition(of: readonly Buffer[]): Buffer {
  if (of.length === 0) return hash('sha256', '', 'buffer');
  if (of.length === 1) return of[0] ?? EMPTY_ROOT;
  let k = 1;
  while (k * 2 < of.length) k *= 2;
  const parts = [Buffer.from([1]), definition(of.slice(0, k)), definition(of.slice(k))];
  return hash('sha256', Buffer.concat(parts), 'buffer');
}

const roots = Array.from({ length: leaves.length + 1 }, (_, n) => definition(leaves.slice(0, n)));
const rootAt = (size: number): Buffer => roots[size] ?? EMPTY_ROOT;

describe('the tree', () => {
  it('has the root of the published vector', () => {
    const two = [`{"n":0,"v":"aip-audit/1"}`, `{"n":1,"v":"aip-audit/1"}`].map((text) => leafHash(Buffer.from(text)));
    expect(two[0]?.toString('hex')).toBe('3dada75ff02b2ac15ac355bfc7615fc1f1b6de16591f17536bf5d857ac1e2f13');
    const tree = new CompactTree();
    for (const leaf of two) tree.add(leaf);
    expect(tree.root().toString('base64')).toBe('71IK4NWQOqH6m8F8dw408N6cSo0wJl9QV57k6+geJ+A=');
  });

  it('has the root of the recursive definition at every size, compact and in tiles', () => {
    const compact = new CompactTree();
    const tiles = new TileTree();
    for (let size = 0; ; size += 1) {
      expect(compact.root()).toEqual(rootAt(size));
      expect(tiles.root()).toEqual(rootAt(size));
      const leaf = leaves[size];
      if (leaf === undefined) break;
      compact.add(leaf);
      tiles.add(leaf);
    }
  });

  it('goes on from a right edge that was kept', () => {
    for (const size of [0, 1, 2, 7, 255, 256, 257, 299]) {
      const nodes = nodesOf({ begin: 0, end: size }).map(({ height, index }) =>
        definition(leaves.slice(index * 2 ** height, (index + 1) * 2 ** height)),
      );
      const tree = new CompactTree(size, nodes);
      for (const leaf of leaves.slice(size)) tree.add(leaf);
      expect(tree.root()).toEqual(rootAt(300));
      expect(() => new CompactTree(size, [...nodes, EMPTY_ROOT])).toThrow(RangeError);
    }
  });
});

/** All that a database would hold of a tree of `size` leaves. */
function stored(size: number): { readonly frontier: Buffer; readonly tiles: readonly Tile[] } {
  let tree = new TileTree();
  const tiles: Tile[] = [];
  for (const [n, leaf] of leaves.slice(0, size).entries()) {
    tree.add(leaf);
    tiles.push(...tree.takeFull());
    // Restarted now and then, from what was kept.
    if (n % 37 === 0) tree = new TileTree(tree.size, tree.frontier());
  }
  return { frontier: tree.frontier(), tiles };
}

describe('proofs from tiles', () => {
  const size = 300;
  const { frontier, tiles } = stored(size);
  const prove = (ranges: Parameters<typeof tilesOf>[0]): readonly Buffer[] => {
    const wanted = tilesOf(ranges, size).map(({ level, index }) => `${String(level)}/${String(index)}`);
    const given = tiles.filter(({ level, index }) => wanted.includes(`${String(level)}/${String(index)}`));
    const hashes = new TileHashes(size, frontier, given);
    return ranges.map((range) => hashes.range(range));
  };

  it('lead from every leaf to every root', () => {
    for (const old of [1, 2, 3, 17, 128, 255, 256, 257, 300]) {
      for (let index = 0; index < old; index += 1) {
        const leaf = leaves[index] ?? EMPTY_ROOT;
        const claim = { index, size: old, leaf, root: rootAt(old), proof: prove(inclusionRanges(index, old)) };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, index: index + 1 })).toBe(false);
        expect(verifyInclusion({ ...claim, leaf: EMPTY_ROOT })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...claim.proof, EMPTY_ROOT] })).toBe(false);
        if (claim.proof.length > 0) expect(verifyInclusion({ ...claim, proof: claim.proof.slice(1) })).toBe(false);
      }
    }
  });

  it('lead from every older root to the newest one', () => {
    for (let old = 1; old <= size; old += 1) {
      const proof = prove(consistencyRanges(old, size));
      const claim = { old, size, oldRoot: rootAt(old), root: rootAt(size), proof };
      expect(verifyConsistency(claim)).toBe(true);
      expect(verifyConsistency({ ...claim, oldRoot: EMPTY_ROOT })).toBe(false);
      expect(verifyConsistency({ ...claim, root: EMPTY_ROOT })).toBe(false);
      expect(verifyConsistency({ ...claim, proof: [...proof, EMPTY_ROOT] })).toBe(false);
      if (proof.length > 0) expect(verifyConsistency({ ...claim, proof: proof.slice(1) })).toBe(false);
    }
  });

  it('need the tiles they name', () => {
    const [range] = inclusionRanges(0, size);
    if (range === undefined) throw new Error('no range');
    expect(() => new TileHashes(size, frontier, []).range(range)).toThrow('is missing');
    expect(() => new TileTree(size, frontier.subarray(32))).toThrow(RangeError);
    expect(() => inclusionRanges(5, 5)).toThrow(RangeError);
    expect(() => consistencyRanges(6, 5)).toThrow(RangeError);
  });

  it('never let numbers beyond the exact integers pass', () => {
    const claim = { index: 0, size: 2 ** 53, leaf: EMPTY_ROOT, root: EMPTY_ROOT, proof: [] };
    expect(verifyInclusion(claim)).toBe(false);
    expect(verifyConsistency({ old: 2 ** 53, size: 2 ** 53, oldRoot: EMPTY_ROOT, root: EMPTY_ROOT, proof: [] })).toBe(
      false,
    );
    expect(foldNodes([])).toEqual(EMPTY_ROOT);
  });
});
