import { isJsonObject, objectOf, type JsonObject } from '../json-value.js';
import {
  audioExtras,
  checkUsage,
  excessOf,
  isCount,
  readCount,
  type TokenUsage,
  type UsageAnomaly,
  type UsageReport,
} from '../usage.js';
import type { Quirks } from './quirks.js';

/** The first of several names that is present; vendors spell the details differently. */
function countIn(...found: readonly unknown[]): number {
  for (const value of found) {
    const count = readCount(value);
    if (count !== undefined) return count;
  }
  return 0;
}

interface Counts {
  readonly prompt: number;
  readonly completion: number;
  readonly total: number | undefined;
  readonly cached: number;
  readonly written: number;
  readonly reasoning: number;
  readonly inputAudio: number;
  readonly outputAudio: number;
}

function readCounts(raw: JsonObject, hasOutput: boolean): Counts | null {
  const prompt = readCount(raw['prompt_tokens']);
  const total = readCount(raw['total_tokens']);
  const completion = readCount(raw['completion_tokens']) ?? (hasOutput ? undefined : 0);
  if (prompt === undefined || completion === undefined) return null;
  const input = objectOf(raw['prompt_tokens_details'] ?? raw['prompt_token_details']);
  const output = objectOf(raw['completion_tokens_details'] ?? raw['completion_token_details']);
  return {
    prompt,
    completion,
    total,
    cached: countIn(
      input['cached_tokens'],
      raw['prompt_cache_hit_tokens'],
      raw['num_cached_tokens'],
      raw['cached_tokens'],
    ),
    written: countIn(input['cache_write_tokens']),
    reasoning: countIn(output['reasoning_tokens'], raw['reasoning_tokens']),
    inputAudio: countIn(input['audio_tokens']),
    outputAudio: countIn(output['audio_tokens']),
  };
}

/** Whether reasoning stands beside `completion_tokens`: the total tells, else the vendor's habit, else arithmetic. */
function isOutside({ prompt, completion, total, reasoning }: Counts, quirks: Quirks): boolean {
  if (reasoning === 0 || total === prompt + completion) return false;
  return total === prompt + completion + reasoning || quirks.reasoningOutside || reasoning > completion;
}

/** Reads an OpenAI-like usage into disjoint counts; null when there is no report. `outputBound`: tokens over all choices, 0 for
 *  embeddings. Attacker-controlled. Source: providers page §6, U1, U2, U5, U9, U10. */
export function readUsage(raw: unknown, quirks: Quirks, outputBound: number): UsageReport | null {
  if (!isJsonObject(raw)) return null;
  const counts = readCounts(raw, outputBound > 0);
  if (counts === null) return null;
  const { prompt, completion, total, inputAudio, outputAudio } = counts;
  if (![prompt, completion, counts.cached, counts.written, counts.reasoning, inputAudio, outputAudio].every(isCount)) {
    return { usage: null, anomaly: 'refused' };
  }
  const outside = isOutside(counts, quirks);
  const inside = outside ? 0 : Math.min(counts.reasoning, completion);
  const cached = Math.min(counts.cached, prompt);
  const written = Math.min(counts.written, prompt - cached);
  const audioIn = Math.min(inputAudio, prompt - cached - written);
  const audioOut = Math.min(outputAudio, completion - inside);
  const excess = excessOf(total, prompt + completion + (outside ? counts.reasoning : 0));
  const usage: TokenUsage = {
    input: prompt - cached - written - audioIn,
    cachedInput: cached,
    cacheWrite: written,
    output: completion - inside - audioOut,
    reasoning: (outside ? counts.reasoning : inside) + excess,
    ...audioExtras(audioIn, audioOut),
  };
  const report = checkUsage(usage, outputBound);
  if (report.usage === null) return report;
  const anomaly: UsageAnomaly | null =
    excess > 0 ? 'unexplained_total' : cached + written < counts.cached + counts.written ? 'overlap' : null;
  return { usage, anomaly };
}

/** The cost a vendor names, as decimal text; for reconciliation only. */
export function readReportedCost(raw: unknown): string | null {
  const value = objectOf(raw)['cost'];
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 1e9) return null;
  return value.toFixed(12).replace(/\.?0+$/, '');
}
