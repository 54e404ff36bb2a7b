import type { HeaderView, LimitObservation } from '../adapter.js';
import { headerText } from '../retry-after.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY };
const MAX_RESET_MS = 40 * DAY;

/** Header suffix → what it counts, and the window where its name tells. */
const SUFFIXES: readonly (readonly [string, LimitObservation['unit'], number?])[] = [
  ['-requests', 'requests'],
  ['-tokens', 'tokens'],
  ['-input-tokens', 'inputTokens'],
  ['-output-tokens', 'outputTokens'],
  ['-input-images', 'images'],
  ['-req-10-second', 'requests', 10 * SECOND],
  ['-req-minute', 'requests', MINUTE],
  ['-tokens-minute', 'tokens', MINUTE],
  ['-requests-day', 'requests', DAY],
  ['', 'requests'],
];

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}(\.\d+)?$/.test(text) ? Math.floor(Number(text)) : undefined;
}

/** Milliseconds of `6ms`, `7.66s`, `1m30.5s`, `6m0s`, or bare seconds; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text) * SECOND;
  if (text.length > 40 || !/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    sum += Number(number) * (UNITS[unit ?? ''] ?? 0);
  return sum;
}

/** When a limit is full again: a duration, or epoch milliseconds as OpenRouter sends them. */
function resetAt(text: string | undefined, renewal: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^1\d{12}$/.test(text)) return Number(text);
  const period = count(renewal);
  const bare = count(text);
  // Azure: a bare number beyond the renewal period can only be milliseconds.
  const isMilliseconds = period !== undefined && bare !== undefined && bare > period;
  const left = isMilliseconds ? bare : durationMs(text);
  return left === undefined || left > MAX_RESET_MS ? undefined : nowMs + Math.ceil(left);
}

/** Reads `x-ratelimit-*` of OpenAI-compatible vendors; masked or odd values are unknown. Never throws.
 *  Source: providers page §10. */
export function readLimits(
  _status: number,
  headers: HeaderView,
  _body: unknown,
  nowMs: number,
): readonly LimitObservation[] {
  const found: LimitObservation[] = [];
  for (const [suffix, unit, windowMs] of SUFFIXES) {
    const limit = count(headerText(headers, `x-ratelimit-limit${suffix}`));
    const remaining = count(headerText(headers, `x-ratelimit-remaining${suffix}`));
    if (limit === undefined && remaining === undefined) continue;
    const renewal = headerText(headers, `x-ratelimit-renewalperiod${suffix}`);
    const resetsAtMs = resetAt(headerText(headers, `x-ratelimit-reset${suffix}`), renewal, nowMs);
    found.push({
      scope: 'credential',
      unit,
      ...(windowMs === undefined ? {} : { windowMs }),
      ...(limit === undefined ? {} : { limit }),
      ...(remaining === undefined ? {} : { remaining }),
      ...(resetsAtMs === undefined ? {} : { resetsAtMs }),
      source: 'header',
    });
  }
  return found;
}
