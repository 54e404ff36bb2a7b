import type { DeploymentTimers } from './deployment.js';

/** A silent stream that still sends comments is kept for this many idle periods. */
const COMMENT_PERIODS = 3;
/** Slow drip: fewer bytes of text per second over this window after the first delta count as idle. */
const DRIP_WINDOW_MS = 20_000;
const DRIP_BYTES_PER_SECOND = 2;

/** Which limit an attempt ran into. `deadline`: the caller's, shorter than the deployment's total. */
export type TimerName = 'connect' | 'ttft' | 'idle' | 'total' | 'deadline';

/** When one attempt runs out of time. Only progress moves the limit of silence: bytes, comments, role-only and empty chunks do not
 *  bring a late first delta forward. All instants on the monotonic clock. */
export class AttemptTimers {
  readonly #endAtMs: number;
  readonly #endName: 'total' | 'deadline';
  #phase: 'connect' | 'ttft' | 'idle' = 'connect';
  #silentUntilMs: number;
  #progressAtMs = 0;
  #windowAtMs = 0;
  #windowBytes = 0;
  #dripping = false;
  /** Reads since the last progress, the one that brings the next included. */
  #reads = 0;

  constructor(
    private readonly timers: DeploymentTimers,
    private readonly startMs: number,
    /** Left of the caller's deadline at the start. */
    deadlineMs: number,
  ) {
    this.#endName = deadlineMs < timers.totalMs ? 'deadline' : 'total';
    this.#endAtMs = startMs + Math.min(deadlineMs, timers.totalMs);
    this.#silentUntilMs = startMs + timers.connectMs;
  }

  /** The connection stands: from now on the first delta is awaited, counted from the start of the attempt. */
  connected(): void {
    if (this.#phase !== 'connect') return;
    this.#phase = 'ttft';
    this.#silentUntilMs = this.startMs + this.timers.ttftMs;
  }

  /** A delta with `bytes` of generated text arrived. */
  progressed(nowMs: number, bytes: number): void {
    if (this.#phase !== 'idle') {
      this.#phase = 'idle';
      this.#windowAtMs = nowMs;
    } else {
      // A pause that comments bridged is no drip: the provider said that it is at work.
      if (this.#reads > 1) this.#windowAtMs += nowMs - this.#progressAtMs;
      this.#measureDrip(nowMs, bytes);
    }
    this.#reads = 0;
    this.#progressAtMs = nowMs;
    this.#silentUntilMs = nowMs + this.timers.idleMs;
  }

  /** Bytes without progress arrived: they keep a stream alive that has begun, for three idle periods at most. */
  heard(nowMs: number): void {
    if (this.#phase !== 'idle') return;
    this.#reads += 1;
    const last = this.#progressAtMs + COMMENT_PERIODS * this.timers.idleMs;
    this.#silentUntilMs = Math.max(this.#silentUntilMs, Math.min(nowMs + this.timers.idleMs, last));
  }

  /** When to look again. */
  get dueAtMs(): number {
    return this.#dripping ? this.#progressAtMs : Math.min(this.#silentUntilMs, this.#endAtMs);
  }

  /** The limit that is exceeded at `nowMs`, or null. */
  expired(nowMs: number): TimerName | null {
    if (nowMs >= this.#endAtMs) return this.#endName;
    if (this.#dripping) return 'idle';
    return nowMs >= this.#silentUntilMs ? this.#phase : null;
  }

  #measureDrip(nowMs: number, bytes: number): void {
    this.#windowBytes += bytes;
    const lengthMs = nowMs - this.#windowAtMs;
    if (lengthMs < DRIP_WINDOW_MS) return;
    this.#dripping = (this.#windowBytes * 1_000) / lengthMs < DRIP_BYTES_PER_SECOND;
    this.#windowAtMs = nowMs;
    this.#windowBytes = 0;
  }
}
