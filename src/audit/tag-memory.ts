import { tagOf, type TagKind } from './domain/tag.js';

const MOST_TAGS = 20_000;

/** Remembers the tags of a log: an officer's next record has the tag of the last one, and a keyed hash costs more than a look.
 *  Lives as long as the process, like the key it was made with. */
export class TagMemory {
  #tags = new Map<string, string>();
  /** Those of the last full memory: what is asked for again moves over, the rest is forgotten. */
  #older = new Map<string, string>();

  constructor(private readonly tagKey: Uint8Array) {}

  tagOf(kind: TagKind, id: string): string {
    const name = `${kind} ${id}`;
    const known = this.#tags.get(name);
    if (known !== undefined) return known;
    const tag = this.#older.get(name) ?? tagOf(this.tagKey, kind, id);
    if (this.#tags.size >= MOST_TAGS) {
      this.#older = this.#tags;
      this.#tags = new Map();
    }
    this.#tags.set(name, tag);
    return tag;
  }
}
