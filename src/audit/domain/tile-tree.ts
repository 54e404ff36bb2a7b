import { EMPTY_ROOT, foldNodes, nodeHash, nodesOf, type LeafRange, type TreeNode } from './merkle.js';

const HASH_BYTES = 32;
/** Hashes of a full tile. Source: C2SP tlog-tiles. */
export const TILE_WIDTH = 256;
/** Heights that one level of tiles spans. */
const TILE_HEIGHT = 8;
const LEVELS = 7;

/** A full tile: 256 hashes of nodes of height 8 · level. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  /** 8 192 bytes. */
  readonly data: Buffer;
}

/** Where a full tile lies. */
export type TilePlace = Omit<Tile, 'data'>;

/** How many nodes of height 8 · level a tree of `size` leaves has. */
function widthOf(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** A tree as tiles: what is full was handed out, what is not full is the frontier. */
export class TileTree {
  #size: number;
  readonly #edges: Buffer[][];
  #full: Tile[] = [];

  /** `frontier`: bytes of {@link frontier} at `size`. @throws RangeError when they do not belong together */
  constructor(size = 0, frontier: Buffer = Buffer.alloc(0)) {
    this.#size = size;
    this.#edges = [];
    let at = 0;
    for (let level = 0; level < LEVELS; level += 1) {
      const edge: Buffer[] = [];
      const count = widthOf(size, level) % TILE_WIDTH;
      for (let n = 0; n < count; n += 1, at += HASH_BYTES) edge.push(frontier.subarray(at, at + HASH_BYTES));
      this.#edges.push(edge);
    }
    if (at !== frontier.length) throw new RangeError('The frontier is not that of a tree of this size');
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf hash. */
  add(leaf: Buffer): void {
    let node = leaf;
    for (let level = 0; level < LEVELS; level += 1) {
      const edge = this.#edges[level] ?? [];
      edge.push(node);
      if (edge.length < TILE_WIDTH) break;
      this.#full.push({
        level,
        index: widthOf(this.#size + 1, level) / TILE_WIDTH - 1,
        data: Buffer.concat(edge),
      });
      node = foldComplete(edge);
      this.#edges[level] = [];
    }
    this.#size += 1;
  }

  /** Tiles that became full since the last call. */
  takeFull(): readonly Tile[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** Hashes that are in no full tile, level by level. */
  frontier(): Buffer {
    return Buffer.concat(this.#edges.flat());
  }

  /** Root of all leaves so far. */
  root(): Buffer {
    const hashes = new TileHashes(this.#size, this.frontier(), []);
    return hashes.range({ begin: 0, end: this.#size });
  }
}

/** The full tiles in which the hashes of these ranges lie, in a tree of `size` leaves. Each once. */
export function tilesOf(ranges: readonly LeafRange[], size: number): readonly TilePlace[] {
  const places = new Map<string, TilePlace>();
  for (const { height, index } of ranges.flatMap((range) => nodesOf(range))) {
    const level = Math.floor(height / TILE_HEIGHT);
    const tile = Math.floor((index * 2 ** (height % TILE_HEIGHT)) / TILE_WIDTH);
    if (tile < Math.floor(widthOf(size, level) / TILE_WIDTH))
      places.set(`${String(level)}/${String(tile)}`, { level, index: tile });
  }
  return [...places.values()];
}

/** Hashes of a tree from its frontier and some of its full tiles. */
export class TileHashes {
  readonly #tiles: ReadonlyMap<string, Buffer>;
  readonly #edges = new Map<number, Buffer>();

  constructor(
    private readonly size: number,
    frontier: Buffer,
    tiles: readonly Tile[],
  ) {
    this.#tiles = new Map(tiles.map(({ level, index, data }) => [`${String(level)}/${String(index)}`, data]));
    let at = 0;
    for (let level = 0; level < LEVELS; level += 1) {
      const end = at + (widthOf(size, level) % TILE_WIDTH) * HASH_BYTES;
      this.#edges.set(level, frontier.subarray(at, end));
      at = end;
    }
  }

  /** Hash of a range. @throws Error when a tile that it needs was not given */
  range(range: LeafRange): Buffer {
    return foldNodes(this.nodes(range));
  }

  /** Hashes of the complete subtrees of a range, left to right. */
  nodes(range: LeafRange): readonly Buffer[] {
    return nodesOf(range).map((node) => this.#node(node));
  }

  #node({ height, index }: TreeNode): Buffer {
    const level = Math.floor(height / TILE_HEIGHT);
    const count = 2 ** (height % TILE_HEIGHT);
    return foldComplete(Array.from({ length: count }, (_, n) => this.#hash(level, index * count + n)));
  }

  #hash(level: number, index: number): Buffer {
    const tile = Math.floor(index / TILE_WIDTH);
    const isFull = tile < Math.floor(widthOf(this.size, level) / TILE_WIDTH);
    const data = isFull ? this.#tiles.get(`${String(level)}/${String(tile)}`) : this.#edges.get(level);
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    const found = data?.subarray(at, at + HASH_BYTES);
    if (found?.length !== HASH_BYTES) throw new Error(`Tile ${String(level)}/${String(tile)} is missing or too short`);
    return found;
  }
}

/** Hash of a complete subtree from those of its 2^k nodes. */
function foldComplete(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1) {
    const above: Buffer[] = [];
    for (let at = 0; at + 1 < row.length; at += 2)
      above.push(nodeHash(row[at] ?? EMPTY_ROOT, row[at + 1] ?? EMPTY_ROOT));
    row = above;
  }
  return row[0] ?? EMPTY_ROOT;
}
