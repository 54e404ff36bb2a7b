import type { ChunkProgress, Emission } from '../adapters/adapter.js';

/** What must have arrived before an answer may leave: any delta, content beside reasoning, or everything. */
export type CommitOn = 'any' | 'content' | 'end';

/** What may be held back before the first valid delta. */
const MAX_BYTES = 256 * 1024;
const MAX_EVENTS = 64;

/** What an answer says before anybody sees it: everything up to its first valid delta, within 256 KiB and 64 events. */
export class HoldBack {
  #held: Emission[] = [];
  #bytes = 0;
  #isReady = false;
  #hasProgress = false;

  /** `any`: reasoning is a valid delta; `content`: it is held back as well, as long as there is room; `end`: so is the whole answer,
   *  whatever its size. */
  constructor(private readonly commitOn: CommitOn) {}

  /** The first valid delta is here: what is held may leave. */
  get isReady(): boolean {
    return this.#isReady;
  }

  add(emission: Emission, progress: ChunkProgress): void {
    this.#held.push(emission);
    if (progress !== 'none') this.#hasProgress = true;
    if (emission.kind === 'done') this.#isReady = true;
    if (this.commitOn === 'end') return;
    if (progress === 'content' || (progress === 'reasoning' && this.commitOn === 'any')) this.#isReady = true;
  }

  /** Counts bytes that arrived. False: too much came and none of it said anything. Reasoning that fills the room is let go. */
  makesSense(bytes: number): boolean {
    if (this.#isReady || (this.commitOn === 'end' && this.#hasProgress)) return true;
    this.#bytes += bytes;
    if (this.#bytes <= MAX_BYTES && this.#held.length <= MAX_EVENTS) return true;
    this.#isReady = this.#hasProgress;
    return this.#isReady;
  }

  /** What was held, once. */
  release(): readonly Emission[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }
}
