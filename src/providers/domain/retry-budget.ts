const WINDOW_MS = 10_000;
const SHARE = 0.2;
const FLOOR = 3;

/** Repeated tries at a deployment that stands alone: at most a fifth of its requests of the last 10 to 20 s, and never fewer than
 *  three, so that a struggling provider is not hit harder than a healthy one. */
export class RetryBudget {
  #windowAtMs = -Infinity;
  #requests = [0, 0];
  #retries = [0, 0];

  /** Counts a first try. */
  request(nowMs: number): void {
    this.#turn(nowMs);
    this.#requests[0] = (this.#requests[0] ?? 0) + 1;
  }

  /** Takes one repeated try, or says no. */
  take(nowMs: number): boolean {
    this.#turn(nowMs);
    const requests = (this.#requests[0] ?? 0) + (this.#requests[1] ?? 0);
    const retries = (this.#retries[0] ?? 0) + (this.#retries[1] ?? 0);
    if (retries >= Math.max(FLOOR, Math.floor(requests * SHARE))) return false;
    this.#retries[0] = (this.#retries[0] ?? 0) + 1;
    return true;
  }

  /** True when nothing happened lately, so that it can be forgotten. */
  isIdle(nowMs: number): boolean {
    return nowMs - this.#windowAtMs > 2 * WINDOW_MS;
  }

  #turn(nowMs: number): void {
    const passed = nowMs - this.#windowAtMs;
    if (passed < WINDOW_MS) return;
    const kept = passed < 2 * WINDOW_MS;
    this.#requests = [0, kept ? (this.#requests[0] ?? 0) : 0];
    this.#retries = [0, kept ? (this.#retries[0] ?? 0) : 0];
    this.#windowAtMs = nowMs;
  }
}
