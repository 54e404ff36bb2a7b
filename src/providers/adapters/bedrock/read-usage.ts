import { isJsonObject, listOf, type JsonObject } from '../json-value.js';
import { checkUsage, readCount, type TokenUsage, type UsageReport } from '../usage.js';

/** Reads Bedrock's usage, whose input already leaves cache reads and writes out. Each of these comes under two names and counts
 *  once; one-hour writes are an extra; output tokens that only the total knows are reasoning. Null when input or output is
 *  missing. Attacker-controlled. Source: providers page §6, U7 and U9. */
export function readUsage(raw: JsonObject, outputBound: number): UsageReport | null {
  const input = readCount(raw['inputTokens']);
  const output = readCount(raw['outputTokens']);
  if (input === undefined || output === undefined) return null;
  const cachedInput = countOf(raw['cacheReadInputTokens'] ?? raw['cacheReadInputTokenCount']);
  const written = countOf(raw['cacheWriteInputTokens'] ?? raw['cacheWriteInputTokenCount']);
  const oneHour = Math.min(oneHourWrites(raw['cacheDetails']), written);
  const excess = countOf(raw['totalTokens']) - (input + cachedInput + written + output);
  const usage: TokenUsage = {
    input,
    cachedInput,
    cacheWrite: written - oneHour,
    output,
    reasoning: excess > 0 ? excess : 0,
    ...(oneHour === 0 ? {} : { extras: [{ meter: 'cacheWrite1h' as const, quantity: oneHour }] }),
  };
  const report = checkUsage(usage, outputBound);
  return report.usage !== null && usage.reasoning > 0 ? { ...report, anomaly: 'unexplained_total' } : report;
}

function oneHourWrites(details: unknown): number {
  return listOf(details).reduce<number>(
    (sum, one) => (isJsonObject(one) && one['ttl'] === '1h' ? sum + countOf(one['inputTokens']) : sum),
    0,
  );
}

const countOf = (value: unknown): number => readCount(value) ?? 0;
