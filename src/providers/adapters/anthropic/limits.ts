import type { HeaderView, LimitObservation } from '../adapter.js';
import { headerText } from '../retry-after.js';

const UNITS = [
  ['requests', 'requests'],
  ['tokens', 'tokens'],
  ['input-tokens', 'inputTokens'],
  ['output-tokens', 'outputTokens'],
] as const;

const count = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

function instant(text: string | undefined): number | undefined {
  const atMs = text !== undefined && /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** Reads `anthropic-ratelimit-*`; masked or odd values are unknown. Never throws. Source: providers page §10. */
export function readLimits(_status: number, headers: HeaderView): readonly LimitObservation[] {
  return UNITS.flatMap(([name, unit]): LimitObservation[] => {
    const limit = count(headerText(headers, `anthropic-ratelimit-${name}-limit`));
    const remaining = count(headerText(headers, `anthropic-ratelimit-${name}-remaining`));
    if (limit === undefined && remaining === undefined) return [];
    const resetsAtMs = instant(headerText(headers, `anthropic-ratelimit-${name}-reset`));
    return [
      {
        scope: 'credential',
        unit,
        ...(limit === undefined ? {} : { limit }),
        ...(remaining === undefined ? {} : { remaining }),
        ...(resetsAtMs === undefined ? {} : { resetsAtMs }),
        source: 'header',
      },
    ];
  });
}
