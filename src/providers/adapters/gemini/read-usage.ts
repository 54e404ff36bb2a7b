import { isJsonObject, listOf, type JsonObject } from '../json-value.js';
import { audioExtras, checkUsage, excessOf, isCount, readCount, type TokenUsage, type UsageReport } from '../usage.js';

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
  if (![prompt, ofTools, reported, candidates, thoughts].every(isCount)) return { usage: null, anomaly: 'refused' };
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
    ...audioExtras(inputAudio, outputAudio),
  };
  const report = checkUsage(usage, outputBound);
  if (report.usage === null) return report;
  return { usage, anomaly: excess > 0 ? 'unexplained_total' : cached < reported ? 'overlap' : null };
}

const countOf = (value: unknown): number => readCount(value) ?? 0;

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
    if (isCount(count)) sum += count;
  }
  return sum;
}
