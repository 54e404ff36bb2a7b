import { isJsonObject, objectOf, type JsonObject } from '../json-value.js';
import { checkUsage, readCount, type UsageReport } from '../usage.js';

/** Reads what Cohere bills. `billed_units` leaves out the vendor's own preamble, which `tokens` includes; `tokens` counts only where
 *  nothing else was reported, with its cached part apart. `outputBound` 0: an operation without output. Null when there is no
 *  report. Attacker-controlled. Source: providers page §6, U6 and U10. */
export function readUsage(raw: unknown, outputBound: number): UsageReport | null {
  if (!isJsonObject(raw)) return null;
  const billed = raw['billed_units'];
  if (isJsonObject(billed)) return countsOf(billed, undefined, outputBound);
  const { tokens, cached_tokens: cached } = raw;
  return isJsonObject(tokens) ? countsOf(tokens, cached, outputBound) : null;
}

function countsOf(counts: JsonObject, cached: unknown, outputBound: number): UsageReport | null {
  const input = readCount(counts['input_tokens']);
  const output = readCount(counts['output_tokens']) ?? (outputBound === 0 ? 0 : undefined);
  if (input === undefined || output === undefined) return null;
  const cachedInput = Math.min(readCount(cached) ?? 0, input);
  const images = readCount(objectOf(counts)['image_tokens']) ?? 0;
  return checkUsage(
    {
      input: input - cachedInput,
      cachedInput,
      cacheWrite: 0,
      output,
      reasoning: 0,
      ...(images === 0 ? {} : { extras: [{ meter: 'inputImage', quantity: images }] }),
    },
    outputBound,
  );
}
