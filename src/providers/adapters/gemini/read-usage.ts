import { isJsonObject, listOf, type JsonObject } from '../json-value.js';
import { checkUsage, readCount, type TokenUsage, type UsageExtra, type UsageReport } from '../usage.js';

/** Reads Gemini's `usageMetadata`, which names thoughts beside the answer and the prompt of its own tools beside ours. Counts that
 *  are 0 are left out on the wire; without the prompt's there is no report. `outputBound`: tokens over all choices.
 *  Attacker-controlled. Source: providers page §6, U3, U9, U10. */
export function readUsage(raw: JsonObject, outputBound: number): UsageReport | null {
  const prompt = readCount(raw['promptTokenCount']);
  if (prompt === undefined) return null;
  const ofTools = countOf(raw['toolUsePromptTokenCount']);
  const reported = countOf(raw['cachedContentTokenCount']);
  const candidates = countOf(raw['candidatesTokenCount']);
  const thoughts = countOf(raw['thoughtsTokenCount']);
  if ([prompt, ofTools, reported, candidates, thoughts].some(isNoCount)) return { usage: null, anomaly: 'refused' };
  const cached = Math.min(reported, prompt + ofTools);
  const fresh = prompt + ofTools - cached;
  const inputAudio = Math.min(fresh, audioIn(raw));
  const outputAudio = Math.min(candidates, audioOf(raw['candidatesTokensDetails']));
  const excess = excessOf(readCount(raw['totalTokenCount']), prompt + ofTools + candidates + thoughts);
  const usage: TokenUsage = {
    input: fresh - inputAudio,
    cachedInput: cached,
    cacheWrite: 0,
    output: candidates - outputAudio,
    reasoning: thoughts + excess,
    ...withExtras(inputAudio, outputAudio),
  };
  const report = checkUsage(usage, outputBound);
  if (report.usage === null) return report;
  return { usage, anomaly: excess > 0 ? 'unexplained_total' : cached < reported ? 'overlap' : null };
}

const countOf = (value: unknown): number => readCount(value) ?? 0;

const isNoCount = (value: number): boolean => !Number.isSafeInteger(value) || value < 0;

/** Audio of the prompt that was not read from a cache. */
function audioIn(raw: JsonObject): number {
  const heard = audioOf(raw['promptTokensDetails']) + audioOf(raw['toolUsePromptTokensDetails']);
  return Math.max(0, heard - audioOf(raw['cacheTokensDetails']));
}

/** Tokens of modality AUDIO; odd details say nothing. */
function audioOf(details: unknown): number {
  let sum = 0;
  for (const detail of listOf(details)) {
    if (!isJsonObject(detail) || detail['modality'] !== 'AUDIO') continue;
    const count = countOf(detail['tokenCount']);
    if (!isNoCount(count)) sum += count;
  }
  return sum;
}

/** Tokens that only the total knows; a total below the sum, or that is no count, says nothing. */
function excessOf(total: number | undefined, sum: number): number {
  return total === undefined || isNoCount(total) ? 0 : Math.max(0, total - sum);
}

function withExtras(inputAudio: number, outputAudio: number): { readonly extras?: readonly UsageExtra[] } {
  const extras: UsageExtra[] = [];
  if (inputAudio > 0) extras.push({ meter: 'inputAudio', quantity: inputAudio });
  if (outputAudio > 0) extras.push({ meter: 'outputAudio', quantity: outputAudio });
  return extras.length === 0 ? {} : { extras };
}
