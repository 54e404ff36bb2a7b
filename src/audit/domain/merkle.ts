import { hash } from 'node:crypto';

const HASH_BYTES = 32;
const NODE_BYTES = 1 + 2 * HASH_BYTES;
const nodeRoom = Buffer.alloc(NODE_BYTES);
nodeRoom[0] = 1;

/** Root of the tree without leaves: SHA-256 of nothing. Source: RFC 6962 §2.1. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');

/** A complete subtree: the 2^height leaves from index · 2^height on. */
export interface TreeNode {
  readonly height: number;
  readonly index: number;
}

/** Leaves from `begin` to before `end`. */
export interface LeafRange {
  readonly begin: number;
  readonly end: number;
}

/** 32 bytes, SHA-256(0x01 ‖ left ‖ right). Source: RFC 6962 §2.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeRoom.set(left, 1);
  nodeRoom.set(right, 1 + HASH_BYTES);
  return hash('sha256', nodeRoom, 'buffer');
}

/** The largest power of two below `count`, which is at least 2. */
function splitOf(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/** The complete subtrees that cover a range of one tree, left to right. `begin` is a multiple of the largest power of two that
 *  the range holds, as in every range of RFC 6962. */
export function nodesOf({ begin, end }: LeafRange): readonly TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let at = begin; at < end;) {
    let [height, width] = [0, 1];
    while (at % (width * 2) === 0 && at + width * 2 <= end) {
      width *= 2;
      height += 1;
    }
    nodes.push({ height, index: at / width });
    at += width;
  }
  return nodes;
}

/** Hash of a range from the hashes of its {@link nodesOf}. */
export function foldNodes(hashes: readonly Buffer[]): Buffer {
  let root = hashes.at(-1) ?? EMPTY_ROOT;
  for (let at = hashes.length - 2; at >= 0; at -= 1) root = nodeHash(hashes[at] ?? EMPTY_ROOT, root);
  return root;
}

/** Ranges whose hashes prove that a leaf is in the tree, from the leaf upwards. Source: RFC 6962 §2.1.1. */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  if (index < 0 || index >= size) throw new RangeError('The leaf is not in the tree');
  const ranges: LeafRange[] = [];
  let [begin, end] = [0, size];
  while (end - begin > 1) {
    const middle = begin + splitOf(end - begin);
    if (index < middle) {
      ranges.push({ begin: middle, end });
      end = middle;
    } else {
      ranges.push({ begin, end: middle });
      begin = middle;
    }
  }
  return ranges.reverse();
}

/** Ranges whose hashes prove that a tree of `size` begins with the one of `old` leaves. Source: RFC 6962 §2.1.2. */
export function consistencyRanges(old: number, size: number): readonly LeafRange[] {
  if (old < 1 || old > size) throw new RangeError('The older tree is not a part of the newer one');
  const ranges: LeafRange[] = [];
  let [begin, end, isWhole] = [0, size, true];
  while (old < end) {
    const middle = begin + splitOf(end - begin);
    if (old <= middle) {
      ranges.push({ begin: middle, end });
      end = middle;
    } else {
      ranges.push({ begin, end: middle });
      begin = middle;
      isWhole = false;
    }
  }
  if (!isWhole) ranges.push({ begin, end });
  return ranges.reverse();
}

const isOdd = (value: number): boolean => value % 2 === 1;
const half = (value: number): number => Math.floor(value / 2);
const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** A way up the tree: takes a sibling per step and says on which side it stands. */
class Climb {
  constructor(
    private node: number,
    private last: number,
  ) {}

  /** True at the root. */
  get isOver(): boolean {
    return this.last === 0;
  }

  /** Goes up over steps that have no sibling to the right of the old tree. */
  skipRightEdges(): void {
    while (isOdd(this.node)) this.#up();
  }

  /** True when the older tree is complete: its own root is the first node. */
  get isLeftmost(): boolean {
    return this.node === 0;
  }

  /** Goes one sibling up; true when it stands on the left. */
  step(): boolean {
    const isLeft = isOdd(this.node) || this.node === this.last;
    if (isLeft) while (!isOdd(this.node) && this.node !== 0) this.#up();
    this.#up();
    return isLeft;
  }

  #up(): void {
    this.node = half(this.node);
    this.last = half(this.last);
  }
}

/** What an inclusion proof claims. */
export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leaf: Buffer;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** True when the proof leads from the leaf to the root. Attacker-controlled; never throws. Source: RFC 9162 §2.1.3.2. */
export function verifyInclusion({ index, size, leaf, root, proof }: InclusionClaim): boolean {
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  const climb = new Climb(index, size - 1);
  let computed = leaf;
  for (const sibling of proof) {
    if (climb.isOver || sibling.length !== HASH_BYTES) return false;
    computed = climb.step() ? nodeHash(sibling, computed) : nodeHash(computed, sibling);
  }
  return climb.isOver && computed.equals(root);
}

/** What a consistency proof claims. */
export interface ConsistencyClaim {
  readonly old: number;
  readonly size: number;
  readonly oldRoot: Buffer;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** True when the newer tree begins with the older one, which has at least one leaf. Attacker-controlled; never throws.
 *  Source: RFC 9162 §2.1.4.2. */
export function verifyConsistency({ old, size, oldRoot, root, proof }: ConsistencyClaim): boolean {
  if (!isSize(old) || !isSize(size) || old < 1 || old > size) return false;
  if (old === size) return proof.length === 0 && oldRoot.equals(root);
  const climb = new Climb(old - 1, size - 1);
  climb.skipRightEdges();
  const [first, ...rest] = climb.isLeftmost ? [oldRoot, ...proof] : proof;
  const reached = first === undefined ? undefined : climbBoth(climb, first, rest);
  return reached !== undefined && reached.old.equals(oldRoot) && reached.now.equals(root);
}

/** Both roots that a consistency proof leads to; undefined when it is too short, too long or malformed. */
function climbBoth(
  climb: Climb,
  first: Buffer,
  siblings: readonly Buffer[],
): { readonly old: Buffer; readonly now: Buffer } | undefined {
  let [old, now] = [first, first];
  for (const sibling of siblings) {
    if (climb.isOver || sibling.length !== HASH_BYTES) return undefined;
    if (climb.step()) {
      old = nodeHash(sibling, old);
      now = nodeHash(sibling, now);
    } else now = nodeHash(now, sibling);
  }
  return climb.isOver ? { old, now } : undefined;
}

/** Grows a tree leaf by leaf and remembers its right edge only: log₂ n hashes. */
export class CompactTree {
  /** Complete subtrees, largest first: their sizes are the binary digits of `size`. */
  readonly #nodes: Buffer[];
  #size: number;

  /** `size` and `nodes`: where to go on from; hashes of {@link nodesOf} of all leaves before. */
  constructor(size = 0, nodes: readonly Buffer[] = []) {
    if (nodesOf({ begin: 0, end: size }).length !== nodes.length)
      throw new RangeError('Not the right edge of a tree of that size');
    this.#size = size;
    this.#nodes = [...nodes];
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf hash. */
  add(leaf: Buffer): void {
    let node = leaf;
    for (let count = this.#size; isOdd(count); count = half(count)) node = nodeHash(this.#nodes.pop() ?? node, node);
    this.#nodes.push(node);
    this.#size += 1;
  }

  root(): Buffer {
    return foldNodes(this.#nodes);
  }
}
