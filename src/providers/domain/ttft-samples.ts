/** Answers that are remembered, and how many must be known before anything follows from them. */
const KEPT = 512;
const ENOUGH = 200;
/** Sorted again after so many new ones. */
const FRESH = 32;

/** Times to the first delta of one deployment: the last 512, and what 95 and 99 % of them stay under. */
export class TtftSamples {
  readonly #times = new Float64Array(KEPT);
  #count = 0;
  #next = 0;
  #sinceSort = FRESH;
  #sorted = new Float64Array(0);

  /** `ttftMs` ≥ 0. */
  add(ttftMs: number): void {
    this.#times[this.#next] = ttftMs;
    this.#next = (this.#next + 1) % KEPT;
    this.#count = Math.min(KEPT, this.#count + 1);
    this.#sinceSort += 1;
  }

  /** The time that `share` of the answers stay under; null while fewer than 200 are known. */
  quantile(share: number): number | null {
    if (this.#count < ENOUGH) return null;
    if (this.#sinceSort >= FRESH) {
      this.#sorted = this.#times.slice(0, this.#count).sort();
      this.#sinceSort = 0;
    }
    return this.#sorted[Math.min(this.#sorted.length - 1, Math.floor(share * this.#sorted.length))] ?? null;
  }
}
