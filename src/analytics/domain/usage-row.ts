import { formatAmount } from '../../platform/money/index.js';
import { number, text, type Cell } from './export-lines.js';
import type { Dimension } from './usage-filter.js';
import type { UsagePoint } from './usage-totals.js';

const COUNTS = ['Requests', 'InputTokens', 'CachedInputTokens', 'CacheWriteTokens', 'OutputTokens', 'ReasoningTokens'];
const camel = (name: string): string =>
  name.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The header of a file of usage: the period, id and label per dimension, counts, money. */
export function usageHeader(by: readonly Dimension[]): readonly string[] {
  const keys = by.flatMap((dimension) => [`${camel(dimension)}Id`, `${camel(dimension)}Name`]);
  return ['PeriodStart', ...keys, ...COUNTS, 'Cost', 'UnconfirmedCost', 'Currency'];
}

/** The cells of one group; `startMs`: of its period when the point itself names none. */
export function usageRow({ startMs, key, totals }: UsagePoint, periodMs: number): readonly Cell[] {
  const { requests, tokens, cost, unconfirmed } = totals;
  const counts = [requests, tokens.input, tokens.cachedInput, tokens.cacheWrite, tokens.output, tokens.reasoning];
  return [
    text(new Date(startMs ?? periodMs).toISOString().replace('.000Z', 'Z')),
    ...key.flatMap(({ id, label }) => [text(id), text(label)]),
    ...counts.map((count) => number(String(count))),
    number(formatAmount(cost.amount)),
    number(formatAmount(unconfirmed.amount)),
    text(cost.currency),
  ];
}
