import { isJsonObject, listOf, objectOf, textOf, type JsonObject } from '../json-value.js';

/** Log probabilities as OpenAI shows them; null when there are none. */
export function logprobsOf(result: unknown): JsonObject | null {
  if (!isJsonObject(result)) return null;
  const alternatives = listOf(result['topCandidates']);
  const content = listOf(result['chosenCandidates']).flatMap((chosen, at) => {
    const token = tokenOf(chosen);
    if (token === null) return [];
    const others = listOf(objectOf(alternatives[at])['candidates']).flatMap((one) => tokenOf(one) ?? []);
    return [{ ...token, top_logprobs: others }];
  });
  return content.length === 0 ? null : { content, refusal: null };
}

function tokenOf(
  value: unknown,
): { readonly token: string; readonly logprob: number; readonly bytes: number[] } | null {
  if (!isJsonObject(value)) return null;
  const token = textOf(value['token']);
  const logprob = value['logProbability'] ?? 0;
  if (token === undefined || typeof logprob !== 'number' || !Number.isFinite(logprob)) return null;
  return { token, logprob, bytes: [...Buffer.from(token)] };
}
