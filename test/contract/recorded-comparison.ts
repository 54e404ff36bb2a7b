import type { Recorded } from './recorded-exchanges.js';

type Expected = Recorded['expected'];

/** Finish names of all vendors in OpenAI's words. Source: providers page §4 and §5. */
const FINISH: Readonly<Record<string, string>> = {
  eos: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  STOP: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool_calls',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  NO_IMAGE: 'stop',
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

/** Arguments by what they mean: some vendors write them with blanks, or leave empty ones out. */
const callsOf = ({ tool_calls: calls }: Expected): string =>
  JSON.stringify((calls ?? []).map((one) => [one.name, parsed(one.arguments === '' ? '{}' : one.arguments)]));

function usageFindings(found: Expected['usage'], { usage: wanted, usage_raw: raw }: Expected): readonly string[] {
  // Where no usage was reported the gateway counts by itself.
  if (wanted === null) return found === null ? ['no usage'] : [];
  if (found === null) return ['no usage'];
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['input', found.input_total, wanted.input_total],
    // Mistral's own name of this count, which the sums of the recordings do not know.
    ['cached', found.cached_read, raw.at(-1)?.['num_cached_tokens'] ?? wanted.cached_read],
    ['written', found.cache_write, wanted.cache_write],
    ['output', found.output_total, wanted.output_total ?? 0],
    ['reasoning', found.reasoning, wanted.reasoning ?? found.reasoning],
  ];
  return pairs.flatMap(([name, one, other]) => (one === other ? [] : [`${name} ${String(one)} ≠ ${String(other)}`]));
}

/** Where an answer of ours differs from what was recorded: text, tool calls, finish, usage. Empty: equal. */
export function findingsBetween(found: Expected, wanted: Expected): readonly string[] {
  const findings: string[] = [];
  const [text, calls] = [wanted.text ?? '', callsOf(wanted)];
  if ((found.text ?? '') !== text)
    findings.push(`text ${JSON.stringify(found.text).slice(0, 80)} ≠ ${JSON.stringify(text).slice(0, 80)}`);
  if (callsOf(found) !== calls) findings.push(`calls ${callsOf(found).slice(0, 120)} ≠ ${calls.slice(0, 120)}`);
  const [finish] = wanted.finish;
  const named = finish === undefined ? undefined : (FINISH[finish] ?? finish);
  const reason = named === 'stop' && (wanted.tool_calls ?? []).length > 0 ? 'tool_calls' : named;
  if (found.finish[0] !== named && found.finish[0] !== reason)
    findings.push(`finish ${String(found.finish[0])} ≠ ${String(named)}`);
  return [...findings, ...usageFindings(found.usage, wanted)];
}
