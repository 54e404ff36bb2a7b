import type { LimitObservation } from '../providers/index.js';
import type { CapacityLimit } from './domain/deployment-capacity.js';
import {
  availableAt,
  availableAtMs,
  observeLimit,
  reserve,
  roll,
  shareLeft,
  spend,
  unreserve,
  type Headroom,
  type Refill,
  type ReportTimes,
} from './domain/headroom.js';
import { RateCounter } from './domain/rate-counter.js';

/** The last tenth of a limit is for calls of class `critical` and above. */
export const URGENT_SHARE = 0.1;
const RATE_MS = 30_000;
/** Less than this says nothing about what comes: a handful of calls at once is no rate. */
const LEAST_RATE_MS = 10_000;

/** What one call needs of a limit. */
export interface Need {
  readonly units: number;
  /** May use the last tenth. */
  readonly isUrgent: boolean;
  readonly nowMs: number;
}

/** One limit of a partner that deployments take from together, with the rate at which it is used. */
export class LimitPool {
  readonly #rate = new RateCounter();
  #firstUseMs: number | undefined;
  /** Held or used at other replicas and not part of the report. */
  elsewhere = 0;

  constructor(
    /** Whose limit, and which: together they name the pool among all replicas. */
    readonly owner: string,
    readonly name: string,
    readonly credentialId: string | null,
    public headroom: Headroom,
  ) {}

  /** When the call would fit; null: it fits now; Infinity: nobody knows. */
  refusedUntil({ units, isUrgent, nowMs }: Need): number | null {
    if (units <= 0) return null;
    const available = this.available(nowMs);
    if (available === null) return null;
    const kept = isUrgent ? 0 : (this.headroom.limit ?? 0) * URGENT_SHARE;
    if (available >= units + kept) return null;
    return availableAtMs(this.headroom, units + kept + this.elsewhere, nowMs) ?? Infinity;
  }

  /** Units that this replica may still take; null: unknown. */
  available(nowMs: number): number | null {
    const available = availableAt(this.headroom, nowMs);
    return available === null ? null : Math.max(0, available - this.elsewhere);
  }

  /** Share that is left when the call has taken its part. */
  shareAfter(units: number, nowMs: number): number {
    return shareLeft(this.headroom, nowMs, units + this.elsewhere);
  }

  take(units: number, nowMs: number): void {
    this.headroom = reserve(this.headroom, units, nowMs);
    this.#firstUseMs ??= nowMs;
    this.#rate.add(nowMs, units);
  }

  giveBack(units: number): void {
    this.headroom = unreserve(this.headroom, units);
  }

  spend(units: number, nowMs: number): void {
    this.headroom = spend(this.headroom, units, nowMs);
  }

  observe(report: LimitObservation, times: ReportTimes & { readonly refill: Refill }): void {
    this.headroom = observeLimit(this.headroom, report, times) ?? this.headroom;
  }

  /** Used share of the limit by the end of its window if calls go on as they do: above 1 it will not last. */
  predictedUse(nowMs: number): number {
    const { limit } = this.headroom;
    const available = this.available(nowMs);
    if (available === null || limit === null || limit <= 0) return 0;
    const used = (limit - available) / limit;
    const { resetsAtMs } = roll(this.headroom, nowMs);
    const leftMs = this.headroom.refill === 'window' ? Math.max(0, (resetsAtMs ?? nowMs) - nowMs) : 0;
    return used + (this.#perMs(nowMs) * leftMs) / limit;
  }

  /** As shown to operators. */
  toLimit(nowMs: number): CapacityLimit {
    const now = roll(this.headroom, nowMs);
    const remaining = this.available(nowMs);
    const { unit, limit, source, windowMs } = now;
    const reserved = now.reserved;
    return {
      unit,
      limit,
      used: limit === null || remaining === null ? null : Math.max(0, limit - remaining - reserved),
      reserved,
      remaining,
      source,
      windowMs,
      credentialId: this.credentialId,
      resetsAtMs: now.refill === 'sliding' ? null : now.resetsAtMs,
      exhaustsInMs: this.#exhaustsIn(now, remaining, nowMs),
    };
  }

  #exhaustsIn(now: Headroom, remaining: number | null, nowMs: number): number | null {
    if (remaining === null || now.limit === null) return null;
    const refilledPerMs = now.refill === 'window' ? 0 : now.limit / now.windowMs;
    const netPerMs = this.#perMs(nowMs) - refilledPerMs;
    if (netPerMs <= 0) return null;
    const ms = remaining / netPerMs;
    const lastsMs = now.refill === 'window' ? (now.resetsAtMs ?? nowMs) - nowMs : now.windowMs;
    return ms < lastsMs ? ms : null;
  }

  /** Use per millisecond in the last half minute, or since the first use. */
  #perMs(nowMs: number): number {
    if (this.#firstUseMs === undefined) return 0;
    const spanMs = Math.min(RATE_MS, Math.max(LEAST_RATE_MS, nowMs - this.#firstUseMs));
    return this.#rate.count(nowMs, spanMs) / spanMs;
  }
}
