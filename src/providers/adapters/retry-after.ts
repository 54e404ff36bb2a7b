import type { HeaderView } from './adapter.js';
import { isJsonObject, listOf, objectOf } from './json-value.js';

const MAX_MS = 15 * 60 * 1_000;
/** Anthropic and Hugging Face send the header with successes, where it means nothing. */
const STATUSES: ReadonlySet<number> = new Set([429, 503, 529]);

/** One value of a header; a repeated header has none. Attacker-controlled. */
export function headerText(headers: HeaderView, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value.trim() : undefined;
}

const bounded = (milliseconds: number): number | undefined =>
  Number.isFinite(milliseconds) && milliseconds >= 0 ? Math.min(MAX_MS, Math.ceil(milliseconds)) : undefined;

function fromHeaders(headers: HeaderView, nowMs: number | undefined): number | undefined {
  const milliseconds = headerText(headers, 'retry-after-ms');
  if (milliseconds !== undefined && /^\d{1,12}(\.\d+)?$/.test(milliseconds)) return bounded(Number(milliseconds));
  const value = headerText(headers, 'retry-after');
  if (value === undefined) return undefined;
  if (/^\d{1,9}(\.\d+)?$/.test(value)) return bounded(Number(value) * 1_000);
  const base = nowMs ?? Date.parse(headerText(headers, 'date') ?? '');
  return bounded(Date.parse(value) - base);
}

/** `RetryInfo.retryDelay` of Google's error model: `34.4s`. */
function fromBody(body: unknown): number | undefined {
  for (const detail of listOf(objectOf(objectOf(body)['error'])['details'])) {
    const delay = isJsonObject(detail) ? detail['retryDelay'] : undefined;
    if (typeof delay === 'string' && /^\d{1,6}(\.\d+)?s$/.test(delay))
      return bounded(Number(delay.slice(0, -1)) * 1_000);
  }
  return undefined;
}

/** How long a provider asks to be left alone, 0…900 000 ms; only 429, 503 and 529 can ask. Order: `retry-after-ms`, seconds or
 *  date, `RetryInfo` in the body. Without `nowMs` a date is read against the provider's own `date` header.
 *  Source: RFC 9110 §10.2.3. */
export function retryAfterMs(status: number, headers: HeaderView, body?: unknown, nowMs?: number): number | undefined {
  if (!STATUSES.has(status)) return undefined;
  return fromHeaders(headers, nowMs) ?? fromBody(body);
}
