const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Of the requests of a minute, how many may be hedged. */
const SHARE = 0.05;

/** What one account may still spend on hedges: a share of its requests per minute, and an amount per UTC day. Worst cases are
 *  counted, so the real cost stays below. */
export class HedgeBudget {
  #minuteAtMs = -Infinity;
  #requests = 0;
  #hedges = 0;
  #day = -1;
  #spent = 0n;

  /** Counts a request that could be hedged. */
  request(nowMs: number): void {
    this.#turn(nowMs);
    this.#requests += 1;
  }

  /** Takes one hedge of at most `worst`, or says no. `dailyLimit` and `worst`: 10⁻¹² of one currency. */
  take(nowMs: number, cost: { readonly worst: bigint; readonly dailyLimit: bigint }): boolean {
    this.#turn(nowMs);
    if (this.#hedges >= Math.ceil(this.#requests * SHARE)) return false;
    if (this.#spent + cost.worst > cost.dailyLimit) return false;
    this.#hedges += 1;
    this.#spent += cost.worst;
    return true;
  }

  #turn(nowMs: number): void {
    if (nowMs - this.#minuteAtMs >= MINUTE_MS) {
      this.#minuteAtMs = nowMs;
      this.#requests = 0;
      this.#hedges = 0;
    }
    const day = Math.floor(nowMs / DAY_MS);
    if (day === this.#day) return;
    this.#day = day;
    this.#spent = 0n;
  }
}
