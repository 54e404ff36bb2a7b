import { objectOf, type JsonObject } from '../json-value.js';
import { checkUsage, readCount, type TokenUsage, type UsageExtra, type UsageReport } from '../usage.js';

/** Reads Anthropic's usage, whose input already leaves cache reads and writes out. One-hour writes and web searches are extras.
 *  Null when input or output is missing. Attacker-controlled. Source: providers page §6, U4 and U10. */
export function readUsage(raw: JsonObject, outputBound: number): UsageReport | null {
  const input = readCount(raw['input_tokens']);
  const output = readCount(raw['output_tokens']);
  if (input === undefined || output === undefined) return null;
  const split = objectOf(raw['cache_creation']);
  const oneHour = countOf(split['ephemeral_1h_input_tokens']);
  const written =
    readCount(raw['cache_creation_input_tokens']) ?? countOf(split['ephemeral_5m_input_tokens']) + oneHour;
  const reasoning = Math.min(countOf(objectOf(raw['output_tokens_details'])['thinking_tokens']), output);
  const extras: readonly UsageExtra[] = [
    { meter: 'cacheWrite1h', quantity: oneHour },
    { meter: 'webSearch', quantity: countOf(objectOf(raw['server_tool_use'])['web_search_requests']) },
  ];
  const used = extras.filter(({ quantity }) => quantity !== 0);
  const usage: TokenUsage = {
    input,
    cachedInput: countOf(raw['cache_read_input_tokens']),
    cacheWrite: written - oneHour,
    output: output - reasoning,
    reasoning,
    ...(used.length === 0 ? {} : { extras: used }),
  };
  return checkUsage(usage, outputBound);
}

const countOf = (value: unknown): number => readCount(value) ?? 0;
