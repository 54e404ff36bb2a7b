/** Time for everything that is not a test. Inject it; nothing else reads the machine's clock. */
export abstract class Clock {
  /** Milliseconds since the Unix epoch, whole. */
  abstract nowMs(): number;
  /** Microseconds since the Unix epoch; never falls within one process. */
  abstract nowMicros(): number;
  /** Milliseconds of a clock that only moves forward, with fractions; its origin means nothing. */
  abstract monotonicMs(): number;
  /** Runs `work` once after `delayMs`; the returned function cancels it. Does not keep the process alive. */
  abstract after(delayMs: number, work: () => void): () => void;
  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }
}

/** The machine's clock. Microseconds come from the monotonic clock, re-based on the wall clock each second. */
export class SystemClock extends Clock {
  #baseMicros = 0;
  #baseMonotonicMs = -Infinity;
  #lastMicros = 0;

  override nowMs(): number {
    return Date.now();
  }

  override nowMicros(): number {
    const monotonicMs = performance.now();
    if (monotonicMs - this.#baseMonotonicMs >= 1000) {
      this.#baseMonotonicMs = monotonicMs;
      this.#baseMicros = Date.now() * 1000;
    }
    const micros = this.#baseMicros + Math.floor((monotonicMs - this.#baseMonotonicMs) * 1000);
    this.#lastMicros = Math.max(this.#lastMicros, micros);
    return this.#lastMicros;
  }

  override monotonicMs(): number {
    return performance.now();
  }

  override after(delayMs: number, work: () => void): () => void {
    const timer = setTimeout(work, delayMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  }
}
