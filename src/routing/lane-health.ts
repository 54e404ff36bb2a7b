import type { AttemptRecord } from '../providers/index.js';
import type { DeploymentCapacity, TtftQuantiles } from './domain/deployment-capacity.js';
import { LatencyDigest } from './domain/latency-digest.js';
import { addLatency, p95Of, type Latency } from './domain/latency.js';

const WEIGHT = 0.1;
const FIVE_MINUTES_MS = 300_000;
const TEN_MINUTES_MS = 600_000;
const RECENT_MS = 30_000;
/** What is newer than this is compared, and is no part of what it is compared with. */
const BASELINE_AGO_MS = 60_000;
const LEAST_RECENT = 8;
const LEAST_BASELINE = 20;
const SLOWER = 2;
/** A millisecond that becomes three is no overload. */
const LEAST_SLOWER_MS = 50;
const USUAL_OUTPUT = 300;

/** What operators see of it. */
type HealthFacts = Pick<DeploymentCapacity, 'ttftMs' | 'ttft' | 'successRatio' | 'tokensPerSecond' | 'lastOutcomeAtMs'>;

const smooth = (known: number | null, next: number): number =>
  known === null ? next : known + WEIGHT * (next - known);

/** How the attempts of one lane went: times, success, size and speed of answers. Only what partners did counts. */
export class LaneHealth {
  readonly #digest = new LatencyDigest();
  #ttft: Latency | undefined;
  #duration: Latency | undefined;
  #success: number | null = null;
  #speed: number | null = null;
  #output = USUAL_OUTPUT;
  #lastOutcomeAtMs: number | null = null;
  #lastFailed = false;

  /** Tokens of a usual answer. */
  get usualOutput(): number {
    return this.#output;
  }

  get lastOutcomeAtMs(): number | null {
    return this.#lastOutcomeAtMs;
  }

  get lastFailed(): boolean {
    return this.#lastFailed;
  }

  get successRatio(): number | null {
    return this.#success;
  }

  /** Smoothed time to first token. */
  get ttftMs(): number | null {
    return this.#ttft?.meanMs ?? null;
  }

  /** Whole answers: what 95 % stay under. */
  get p95Ms(): number | null {
    return p95Of(this.#duration);
  }

  /** A partner answered or failed. */
  outcome(failed: boolean, nowMs: number): void {
    this.#lastOutcomeAtMs = nowMs;
    this.#lastFailed = failed;
    this.#success = smooth(this.#success, failed ? 0 : 1);
  }

  /** A probe says that somebody is there, or nobody; it says nothing about answers. */
  probed(ok: boolean, nowMs: number): void {
    this.#lastOutcomeAtMs = nowMs;
    this.#lastFailed = !ok;
  }

  /** Times and size of a good answer. */
  measure({ ttftMs, durationMs, usage }: AttemptRecord, nowMs: number): void {
    if (ttftMs !== null) {
      this.#ttft = addLatency(this.#ttft, ttftMs);
      this.#digest.add(ttftMs, nowMs);
    }
    this.#duration = addLatency(this.#duration, durationMs);
    const output = (usage?.output ?? 0) + (usage?.reasoning ?? 0);
    if (output <= 0) return;
    this.#output = smooth(this.#output, output);
    const generatingMs = durationMs - (ttftMs ?? durationMs);
    if (generatingMs > 0) this.#speed = smooth(this.#speed, (output * 1_000) / generatingMs);
  }

  /** As shown to operators. */
  facts(nowMs: number): HealthFacts {
    return {
      ttftMs: this.ttftMs,
      ttft: this.#quantiles(nowMs),
      successRatio: this.#success,
      tokensPerSecond: this.#speed,
      lastOutcomeAtMs: this.#lastOutcomeAtMs,
    };
  }

  /** Of the last five minutes. */
  #quantiles(nowMs: number): TtftQuantiles {
    const [p50, p95, p99] = this.#digest.quantiles([0.5, 0.95, 0.99], { nowMs, fromMs: FIVE_MINUTES_MS });
    return { p50: p50 ?? null, p95: p95 ?? null, p99: p99 ?? null };
  }

  /** First tokens take more than twice as long as in the ten minutes before: the partner is overloaded, whatever it says. */
  isSlow(nowMs: number): boolean {
    const [now] = this.#digest.quantiles([0.5], { nowMs, fromMs: RECENT_MS, least: LEAST_RECENT });
    const span = { nowMs, fromMs: TEN_MINUTES_MS, toMs: BASELINE_AGO_MS, least: LEAST_BASELINE };
    const [usual] = this.#digest.quantiles([0.5], span);
    if (now === null || now === undefined || usual === null || usual === undefined) return false;
    return now > SLOWER * usual && now - usual > LEAST_SLOWER_MS;
  }
}
