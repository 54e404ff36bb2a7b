import { objectOf, type JsonObject } from '../json-value.js';
import { checkUsage, readCount, type TokenUsage, type UsageExtra, type UsageReport } from '../usage.js';

/** Reads Anthropic's usage, whose input already leaves cache reads and writes out. One-hour writes and web searches are extras.
 *  Null when input or output is missing. Attacker-controlled. Source: providers page §6, U4 and U10. */
export function readUsage(raw: JsonObject, outputBound: number): UsageReport | null {
  const input = readCount(raw['input_tokens']);
  const output = readCount(raw['output_tokens']);
  if (input === undefined || output === undefined) return null;
  const split = objectOf(raw['cache_creation']);
  const oneHour = readCount(split['ephemeral_1h_input_tokens']) ?? 0;
  const written =
    readCount(raw['cache_creation_input_tokens']) ?? (readCount(split['ephemeral_5m_input_tokens']) ?? 0) + oneHour;
  const thinking = readCount(objectOf(raw['output_tokens_details'])['thinking_tokens']) ?? 0;
  const searches = readCount(objectOf(raw['server_tool_use'])['web_search_requests']) ?? 0;
  const extras: UsageExtra[] = [];
  if (oneHour !== 0) extras.push({ meter: 'cacheWrite1h', quantity: oneHour });
  if (searches !== 0) extras.push({ meter: 'webSearch', quantity: searches });
  const reasoning = thinking > output ? output : thinking;
  const usage: TokenUsage = {
    input,
    cachedInput: readCount(raw['cache_read_input_tokens']) ?? 0,
    cacheWrite: written - oneHour,
    output: output - reasoning,
    reasoning,
    ...(extras.length === 0 ? {} : { extras }),
  };
  return checkUsage(usage, outputBound);
}
