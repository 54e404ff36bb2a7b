import type {
  ChatChunk,
  ChatCompletion,
  ChatDelta,
  ChunkChoice,
  FinishReason,
  Logprobs,
  ToolCall,
  ToolCallDelta,
  Usage,
} from './chat.js';

interface CallParts {
  id: string;
  name: string;
  arguments: string;
  extra: Record<string, unknown>;
}

interface ChoiceParts {
  content: string | null;
  refusal: string | null;
  reasoning: string | null;
  calls: Map<number, CallParts>;
  functionCall: { name: string; arguments: string } | null;
  logprobs: Logprobs | null;
  finish: FinishReason | null;
  extra: Record<string, unknown>;
}

const KNOWN_DELTA = new Set(['role', 'content', 'refusal', 'reasoning_content', 'tool_calls', 'function_call']);
const KNOWN_CALL = new Set(['index', 'id', 'type', 'function']);
const UNSAFE = new Set(['__proto__', 'constructor', 'prototype']);
/** Choices and tool calls beyond these are left out: no vendor allows as many. */
const MAX_CHOICES = 128;
const MAX_CALLS = 1_024;

/** Puts a streamed answer together: text, refusal, reasoning, parallel tool calls, log probabilities and every choice, as the
 *  provider would have sent it in one piece. Use one per answer; `add` its chunks in order. */
export class ChunkCollector {
  #first: ChatChunk | null = null;
  readonly #choices = new Map<number, ChoiceParts>();
  #usage: Usage | null = null;

  add(chunk: ChatChunk): void {
    this.#first ??= chunk;
    if (chunk.usage !== undefined && chunk.usage !== null) this.#usage = chunk.usage;
    for (const choice of chunk.choices) {
      const parts = this.#partsOf(choice.index);
      if (parts !== null) addChoice(parts, choice);
    }
  }

  /** The answer so far. `usage` replaces what chunks carried. @throws Error — no chunk was added */
  collect(usage: Usage | null = this.#usage): ChatCompletion {
    const first = this.#first;
    if (first === null) throw new Error('An answer has at least one chunk');
    const { system_fingerprint: fingerprint, service_tier: tier } = first;
    return {
      id: first.id,
      object: 'chat.completion',
      created: first.created,
      model: first.model,
      choices: [...this.#choices]
        .sort(([one], [other]) => one - other)
        .map(([index, parts]) => closeChoice(index, parts)),
      ...(usage === null ? {} : { usage }),
      ...(typeof fingerprint === 'string' ? { system_fingerprint: fingerprint } : {}),
      ...(typeof tier === 'string' ? { service_tier: tier } : {}),
    };
  }

  #partsOf(index: number): ChoiceParts | null {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    if (this.#choices.size >= MAX_CHOICES) return null;
    const parts: ChoiceParts = {
      content: null,
      refusal: null,
      reasoning: null,
      calls: new Map(),
      functionCall: null,
      logprobs: null,
      finish: null,
      extra: {},
    };
    this.#choices.set(index, parts);
    return parts;
  }
}

const joined = (text: string | null, more: string | null | undefined): string | null =>
  more === undefined || more === null ? text : (text ?? '') + more;

function addChoice(parts: ChoiceParts, { delta, finish_reason: finish, logprobs }: ChunkChoice): void {
  parts.content = joined(parts.content, delta.content);
  parts.refusal = joined(parts.refusal, delta.refusal);
  parts.reasoning = joined(parts.reasoning, delta.reasoning_content);
  addCalls(parts.calls, delta);
  if (delta.function_call !== undefined) {
    const known = parts.functionCall ?? { name: '', arguments: '' };
    const { name = '', arguments: more = '' } = delta.function_call;
    parts.functionCall = { name: known.name + name, arguments: known.arguments + more };
  }
  if (logprobs !== undefined && logprobs !== null) parts.logprobs = joinLogprobs(parts.logprobs, logprobs);
  parts.finish ??= finish;
  for (const name in delta) if (!KNOWN_DELTA.has(name)) mergeMember(parts.extra, name, delta[name]);
}

function addCalls(calls: Map<number, CallParts>, delta: ChatDelta): void {
  for (const piece of delta.tool_calls ?? []) {
    const call = calls.get(piece.index) ?? { id: '', name: '', arguments: '', extra: {} };
    if (!calls.has(piece.index) && calls.size >= MAX_CALLS) return;
    calls.set(piece.index, call);
    addCall(call, piece);
  }
}

function addCall(call: CallParts, piece: ToolCallDelta): void {
  if (call.id === '' && piece.id !== undefined) call.id = piece.id;
  call.name += piece.function?.name ?? '';
  call.arguments += piece.function?.arguments ?? '';
  for (const name in piece) if (!KNOWN_CALL.has(name)) mergeMember(call.extra, name, piece[name]);
}

function joinedLists(
  one: readonly unknown[] | null | undefined,
  other: readonly unknown[] | null,
): readonly unknown[] | null {
  return (one ?? null) === null && other === null ? null : [...(one ?? []), ...(other ?? [])];
}

function joinLogprobs(known: Logprobs | null, more: Logprobs): Logprobs {
  return { content: joinedLists(known?.content, more.content), refusal: joinedLists(known?.refusal, more.refusal) };
}

/** Joins members that nobody defined into an object of ours. */
function mergeMember(into: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined || value === null || UNSAFE.has(name)) return;
  into[name] = mergedValue(into[name], value, name === 'data' || name === 'transcript');
}

/** Lists grow, objects merge, text of audio grows, otherwise the later value stays. */
function mergedValue(known: unknown, value: unknown, isGrowing: boolean): unknown {
  if (Array.isArray(known) && Array.isArray(value)) return [...(known as unknown[]), ...(value as unknown[])];
  if (isObject(known) && isObject(value)) {
    const merged = { ...known };
    for (const member in value) mergeMember(merged, member, value[member]);
    return merged;
  }
  return isGrowing && typeof known === 'string' && typeof value === 'string' ? known + value : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A message that only calls tools or refuses has no content; an empty answer has empty content. */
function contentOf({ content, refusal }: ChoiceParts, hasCall: boolean): string | null {
  if (content === null) return hasCall || refusal !== null ? null : '';
  return content === '' && hasCall ? null : content;
}

const isSome = (text: string | null): text is string => text !== null && text !== '';

function closeChoice(index: number, parts: ChoiceParts): ChatCompletion['choices'][number] {
  const calls = [...parts.calls].sort(([one], [other]) => one - other).map(([, call]) => closeCall(call));
  return {
    index,
    message: {
      role: 'assistant',
      content: contentOf(parts, calls.length > 0 || parts.functionCall !== null),
      refusal: isSome(parts.refusal) ? parts.refusal : null,
      ...(isSome(parts.reasoning) ? { reasoning_content: parts.reasoning } : {}),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(parts.functionCall === null ? {} : { function_call: parts.functionCall }),
      ...parts.extra,
    },
    finish_reason: parts.finish ?? 'stop',
    logprobs: parts.logprobs,
  };
}

function closeCall(call: CallParts): ToolCall {
  const { id, name, extra } = call;
  return {
    id,
    type: 'function',
    function: { name, arguments: call.arguments === '' ? '{}' : call.arguments },
    ...extra,
  };
}
