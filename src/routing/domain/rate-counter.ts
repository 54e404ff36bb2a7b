const SECONDS = 120;

/** What was used in the last two minutes, second by second. */
export class RateCounter {
  readonly #counts = new Float64Array(SECONDS);
  #second = 0;

  /** Adds to the running second. */
  add(nowMs: number, units = 1): void {
    const second = this.#advance(nowMs);
    const slot = second % SECONDS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + units;
  }

  /** How much fell in the `windowMs` that ended `agoMs` before now. Whole seconds; together at most two minutes. */
  count(nowMs: number, windowMs: number, agoMs = 0): number {
    const second = this.#advance(nowMs);
    const from = Math.floor(agoMs / 1_000);
    const to = Math.min(SECONDS, from + Math.ceil(windowMs / 1_000));
    let total = 0;
    for (let back = from; back < to; back += 1) {
      if (second - back >= 0) total += this.#counts[(second - back) % SECONDS] ?? 0;
    }
    return total;
  }

  /** Empties the seconds that passed since the last look. */
  #advance(nowMs: number): number {
    const second = Math.max(this.#second, Math.floor(nowMs / 1_000));
    if (second - this.#second >= SECONDS) this.#counts.fill(0);
    else for (let next = this.#second + 1; next <= second; next += 1) this.#counts[next % SECONDS] = 0;
    this.#second = second;
    return second;
  }
}
