import type { Criticality } from '../platform/security/index.js';
import type { QuotaReading } from './domain/quota-reading.js';
import { rateLimitHeaders } from './domain/quota-reading.js';
import type { QuotaTable, Taken } from './domain/quota-table.js';
import type { QuotaPolicy } from './domain/quota.js';
import { limitsModel } from './domain/quota.js';

/** What a request took from its quotas. Take it with `using`: its concurrency slots come back when the scope ends, or by
 *  themselves at the deadline. */
export class Admission implements Disposable {
  #open = true;
  #corrected = false;

  constructor(
    private readonly table: QuotaTable,
    private readonly taken: Taken,
    private readonly facts: {
      readonly criticality: Criticality;
      readonly readings: readonly QuotaReading[];
      readonly usedOverrides: readonly string[];
      readonly admittedAtMs: number;
      nowMs(): number;
    },
  ) {}

  /** The class the request runs in. */
  get criticality(): Criticality {
    return this.facts.criticality;
  }

  /** Overrides without which the request would have been refused. */
  get usedOverrides(): readonly string[] {
    return this.facts.usedOverrides;
  }

  /** `RateLimit`, `RateLimit-Policy` and `x-ratelimit-…` as they stood after the request was admitted. */
  get headers(): Record<string, string> {
    return rateLimitHeaders(this.facts.readings, this.facts.admittedAtMs);
  }

  /** Replaces the estimated tokens by those used; once, later calls do nothing. With `servedModel`, quotas of other models
   *  get everything back. Call it before the scope ends. */
  correct(actualTokens: number, servedModel?: string): void {
    if (this.#corrected || !this.#open) return;
    this.#corrected = true;
    const counts = (policy: QuotaPolicy): boolean => servedModel === undefined || limitsModel(policy, servedModel);
    this.table.correct(this.taken, actualTokens, this.facts.nowMs(), counts);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.table.release(this.taken);
  }
}
