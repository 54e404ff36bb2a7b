import { hash } from 'node:crypto';

const WORDS = 4;
const KEY_BYTES = 16;
const FIRST_CAPACITY = 1024;
const USED = 0x80;

/** Where a record stands: ordinal of its lane, position in it. */
export interface Place {
  readonly lane: number;
  readonly n: number;
}

/** Flags and a place per text, in 25 to 75 bytes each whatever the text: 128 bits of its SHA-256 stand for it, which makes
 *  two texts meet with probability below 2⁻⁶⁰ for a thousand million of them. */
export class IdTable {
  #capacity = FIRST_CAPACITY;
  #size = 0;
  #keys = new Uint32Array(FIRST_CAPACITY * WORDS);
  #flags = new Uint8Array(FIRST_CAPACITY);
  #lanes = new Uint32Array(FIRST_CAPACITY);
  #positions = new Float64Array(FIRST_CAPACITY);

  /** How many texts are known. */
  get size(): number {
    return this.#size;
  }

  /** Adds flags (7 bits) to a text and returns those it had before: 0 when it was not known. The first place is kept. */
  mark(text: string, flags: number, place: Place): number {
    if (this.#size * 3 >= this.#capacity * 2) this.#grow();
    const digest = hash('sha256', text, 'buffer');
    const key = new Uint32Array(digest.buffer.slice(digest.byteOffset, digest.byteOffset + KEY_BYTES));
    const slot = this.#slotOf(key);
    const before = this.#flags[slot] ?? 0;
    this.#flags[slot] = before | flags | USED;
    if (before !== 0) return before & ~USED;
    this.#keys.set(key, slot * WORDS);
    this.#lanes[slot] = place.lane;
    this.#positions[slot] = place.n;
    this.#size += 1;
    return 0;
  }

  /** Every text's flags and first place, in no order. */
  *entries(): Generator<Place & { readonly flags: number }, void> {
    for (let slot = 0; slot < this.#capacity; slot += 1) {
      const flags = this.#flags[slot] ?? 0;
      if (flags === 0) continue;
      yield { flags: flags & ~USED, lane: this.#lanes[slot] ?? 0, n: this.#positions[slot] ?? 0 };
    }
  }

  /** The slot that holds the key, else the free one where it belongs. */
  #slotOf(key: Uint32Array): number {
    let slot = (key[0] ?? 0) % this.#capacity;
    while (this.#flags[slot] !== 0) {
      const at = slot * WORDS;
      if (key.every((word, index) => word === this.#keys[at + index])) return slot;
      slot = (slot + 1) % this.#capacity;
    }
    return slot;
  }

  #grow(): void {
    const old = { keys: this.#keys, flags: this.#flags, lanes: this.#lanes, positions: this.#positions };
    this.#capacity *= 2;
    this.#keys = new Uint32Array(this.#capacity * WORDS);
    this.#flags = new Uint8Array(this.#capacity);
    this.#lanes = new Uint32Array(this.#capacity);
    this.#positions = new Float64Array(this.#capacity);
    for (const [from, flags] of old.flags.entries()) {
      if (flags === 0) continue;
      const key = old.keys.subarray(from * WORDS, (from + 1) * WORDS);
      const slot = this.#slotOf(key);
      this.#keys.set(key, slot * WORDS);
      this.#flags[slot] = flags;
      this.#lanes[slot] = old.lanes[from] ?? 0;
      this.#positions[slot] = old.positions[from] ?? 0;
    }
  }
}
