import type { QuotaPolicy } from './quota.js';

/** Where a limit stands for one subject. Units are requests, tokens or running requests; all whole, ≥ 0. */
export interface QuotaReading {
  readonly policy: QuotaPolicy;
  readonly subjectId: string;
  /** The policy's limit with what overrides add. */
  readonly limit: number;
  /** Taken and not yet flowed back, without what is reserved. */
  readonly used: number;
  /** Estimates of running requests. */
  readonly reserved: number;
  /** What a request may take now. */
  readonly remaining: number;
  /** When nothing is taken any more; for CONCURRENCY when the last running slot ends by itself. */
  readonly resetsAtMs: number;
}

const UNIT_NAMES = { REQUESTS: 'requests', TOKENS: 'tokens' } as const;

/** A duration as OpenAI writes it in `x-ratelimit-reset-…`: `120ms`, `12s`, `6m0s`. */
export function formatReset(durationMs: number): string {
  if (durationMs < 1000) return `${String(Math.ceil(durationMs))}ms`;
  const seconds = Math.ceil(durationMs / 1000);
  return seconds < 60 ? `${String(seconds)}s` : `${String(Math.floor(seconds / 60))}m${String(seconds % 60)}s`;
}

function tightest(readings: readonly QuotaReading[], metric: 'REQUESTS' | 'TOKENS'): QuotaReading | undefined {
  let found: QuotaReading | undefined;
  for (const reading of readings) {
    if (reading.policy.metric !== metric) continue;
    if (found === undefined || reading.remaining / reading.limit < found.remaining / found.limit) found = reading;
  }
  return found;
}

/** Headers that tell a caller about its tightest request and token quota; empty when it has none.
 *  Source: draft-ietf-httpapi-ratelimit-headers-11 §4 (RateLimit fields), wire contract §2.3 (x-ratelimit names). */
export function rateLimitHeaders(readings: readonly QuotaReading[], nowMs: number): Record<string, string> {
  const headers: Record<string, string> = {};
  const policies: string[] = [];
  const states: string[] = [];
  for (const metric of ['REQUESTS', 'TOKENS'] as const) {
    const reading = tightest(readings, metric);
    if (reading === undefined) continue;
    const { policy, limit, remaining } = reading;
    const unit = UNIT_NAMES[metric];
    const resetMs = Math.max(0, reading.resetsAtMs - nowMs);
    policies.push(`"${policy.name}";q=${String(limit)};qu="${unit}";w=${String(policy.windowSeconds)}`);
    states.push(`"${policy.name}";r=${String(remaining)};t=${String(Math.ceil(resetMs / 1000))}`);
    headers[`x-ratelimit-limit-${unit}`] = String(limit);
    headers[`x-ratelimit-remaining-${unit}`] = String(remaining);
    headers[`x-ratelimit-reset-${unit}`] = formatReset(resetMs);
  }
  if (policies.length === 0) return headers;
  headers['RateLimit-Policy'] = policies.join(', ');
  headers['RateLimit'] = states.join(', ');
  return headers;
}
