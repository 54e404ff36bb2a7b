import type { ChatChunk, ChatDelta, ChunkChoice, FinishReason, Logprobs, ToolCallDelta } from '../../openai/index.js';
import type { ChunkProgress } from './adapter.js';
import { readFinish } from './finish-reasons.js';
import { isJsonObject, listOf, objectOf, textOf, type JsonObject } from './json-value.js';
import { ToolCallTracker } from './tool-calls.js';

/** Tiers that OpenAI's schema knows; others are kept for pricing only. */
const TIERS: ReadonlySet<unknown> = new Set([undefined, 'auto', 'default', 'flex', 'scale', 'priority', 'fast']);
const OBJECT = 'chat.completion.chunk';
const LATEST_SECONDS = 100_000_000_000;
const MAX_CHOICES = 128;

/** One event of a vendor, understood. */
export interface ReadChunk {
  /** Null: nothing in it for the caller. */
  readonly chunk: ChatChunk | null;
  /** The event must be written anew. */
  readonly isChanged: boolean;
  /** It is valid but for `system_fingerprint: null`, which can be cut out of its bytes; `chunk` is without it. */
  readonly hasNullFingerprint: boolean;
  readonly progress: ChunkProgress;
  readonly finishes: readonly { readonly choice: number; readonly reason: FinishReason }[];
  /** The vendor ended a choice with a failure. */
  readonly failure: { readonly class: 'server' | 'overloaded'; readonly name: string } | null;
}

interface ChoiceState {
  readonly tools: ToolCallTracker;
  isFinished: boolean;
}

/** Makes the events of one OpenAI-like answer valid against OpenAI's schema. What is valid stays the object it was, so that its
 *  bytes can be forwarded. Attacker-controlled. One per answer. */
export class ChatNormaliser {
  readonly received = { textBytes: 0, reasoningBytes: 0 };
  readonly #choices = new Map<number, ChoiceState>();
  #id: string | undefined;
  #created: number | undefined;
  #model: string | undefined;

  constructor(private readonly origin: { readonly requestId: string; readonly upstreamModel: string }) {}

  /** The model that answered, once an event named it. */
  get model(): string | undefined {
    return this.#model;
  }

  /** True when every choice that began has ended, and one has. */
  get isComplete(): boolean {
    if (this.#choices.size === 0) return false;
    for (const choice of this.#choices.values()) if (!choice.isFinished) return false;
    return true;
  }

  /** Reads one parsed event. `answeredAt`: seconds, for events that name no time. */
  read(json: JsonObject, answeredAt: number): ReadChunk {
    const result = new ChunkReading();
    const choices = listOf(json['choices']);
    if (textOf(json['model']) !== undefined) this.#model ??= textOf(json['model']);
    const kept: ChunkChoice[] = [];
    for (const [position, choice] of choices.entries()) {
      const read = isJsonObject(choice) ? this.#readChoice(choice, position, result) : null;
      if (read === null) result.isChanged = true;
      else kept.push(read);
    }
    if (kept.length === 0) return result.close(null);
    const isChanged = !this.#hasValidHead(json) || result.isChanged;
    if (isChanged) {
      result.isChanged = true;
      this.#created ??= readSeconds(json['created'], answeredAt);
      return result.close(this.#rebuild(json, kept, this.#created));
    }
    if (json['system_fingerprint'] !== null) return result.close(json as unknown as ChatChunk);
    const { system_fingerprint: _fingerprint, ...rest } = json;
    return result.close(rest as unknown as ChatChunk, true);
  }

  #hasValidHead(json: JsonObject): boolean {
    const { created } = json;
    this.#id ??= textOf(json['id']);
    if (this.#created === undefined && isSeconds(created)) this.#created = created;
    const isKnown =
      json['object'] === OBJECT && TIERS.has(json['service_tier']) && isTextual(json['system_fingerprint']);
    const isNamed = this.#id !== undefined && json['id'] === this.#id && textOf(json['model']) !== undefined;
    return isKnown && isNamed && isSeconds(created) && !isJsonObject(json['usage']) && !isJsonObject(json['x_groq']);
  }

  #rebuild(json: JsonObject, choices: readonly ChunkChoice[], created: number): ChatChunk {
    const {
      usage: _usage,
      x_groq: _groq,
      system_fingerprint: fingerprint,
      service_tier: tier,
      error: _error,
      ...rest
    } = json;
    this.#id ??= `chatcmpl-${this.origin.requestId.replace(/[^A-Za-z0-9_-]/g, '-')}`;
    return {
      ...rest,
      id: this.#id,
      object: OBJECT,
      created,
      model: textOf(json['model']) ?? this.#model ?? this.origin.upstreamModel,
      choices,
      ...(typeof fingerprint === 'string' ? { system_fingerprint: fingerprint } : {}),
      ...(tier !== undefined && TIERS.has(tier) ? { service_tier: tier } : {}),
    };
  }

  /** The choice as it may go out; null when it says nothing. */
  #readChoice(choice: JsonObject, position: number, result: ChunkReading): ChunkChoice | null {
    const { index: given, finish_reason: finish, logprobs } = choice;
    const index = isIndex(given) ? given : position;
    const state = this.#stateOf(index);
    if (state === null) return null;
    const reading = this.#readDelta(choice, state, result);
    const reason = this.#readFinish({ finish, index, state, result });
    const closing = reason === null ? [] : state.tools.complete();
    if (reason === null && !isJsonObject(logprobs) && saysNothing(reading.delta, state)) return null;
    const isSame = given === index && reason === finish && closing.length === 0 && isLogprobs(logprobs);
    if (isSame && !reading.isChanged) return choice as unknown as ChunkChoice;
    result.isChanged = true;
    const { message: _message, logprobs: _logprobs, ...rest } = choice;
    return {
      ...rest,
      index,
      delta: withCalls(reading.delta, closing),
      finish_reason: reason,
      logprobs: repairLogprobs(logprobs),
    };
  }

  #stateOf(index: number): ChoiceState | null {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    if (this.#choices.size >= MAX_CHOICES) return null;
    const state = { tools: new ToolCallTracker(`${this.origin.requestId}/${String(index)}`), isFinished: false };
    this.#choices.set(index, state);
    return state;
  }

  #readFinish(at: {
    readonly finish: unknown;
    readonly index: number;
    readonly state: ChoiceState;
    readonly result: ChunkReading;
  }): FinishReason | null {
    const name = textOf(at.finish);
    if (name === undefined || at.state.isFinished) return null;
    const reason = readFinish(name);
    if (reason === 'server' || reason === 'overloaded') {
      at.result.failure = { class: reason, name };
      return null;
    }
    at.state.isFinished = true;
    at.result.finishes.push({ choice: at.index, reason });
    return reason;
  }

  #readDelta(choice: JsonObject, state: ChoiceState, result: ChunkReading): DeltaReading {
    const { delta: given, message } = choice;
    const source = isJsonObject(given) ? given : objectOf(message);
    const reading: DeltaReading = { delta: source, isChanged: source !== given };
    this.#readText(source, reading, result);
    this.#readCalls(source['tool_calls'], { state, reading, result });
    this.#readRest(reading, result);
    return reading;
  }

  /** Text, refusal and reasoning as OpenAI names and types them. */
  #readText(given: JsonObject, reading: DeltaReading, result: ChunkReading): void {
    const { content, refusal, reasoning_content: named, reasoning } = given;
    const parts = Array.isArray(content) ? readParts(listOf(content)) : null;
    const thought = textOf(named) ?? textOf(reasoning) ?? textOf(parts?.thinking);
    const text = parts === null ? content : parts.text;
    this.#note(textOf(text), textOf(refusal), thought, result);
    if (isPlain(given)) return;
    reading.isChanged = true;
    reading.delta = plainDelta(given, text, thought);
  }

  #readCalls(
    calls: unknown,
    into: { readonly state: ChoiceState; readonly reading: DeltaReading; readonly result: ChunkReading },
  ): void {
    if (calls === undefined) return;
    const { state, reading, result } = into;
    const tools = readCalls(listOf(calls), state.tools);
    this.#noteCalls(tools, result);
    if (tools === calls && tools.length > 0) return;
    reading.isChanged = true;
    const { tool_calls: _calls, ...rest } = reading.delta;
    reading.delta = withCalls(rest, tools);
  }

  #note(
    text: string | undefined,
    refusal: string | undefined,
    thought: string | undefined,
    result: ChunkReading,
  ): void {
    if (text !== undefined) this.received.textBytes += Buffer.byteLength(text);
    if (refusal !== undefined) this.received.textBytes += Buffer.byteLength(refusal);
    if (thought !== undefined) this.received.reasoningBytes += Buffer.byteLength(thought);
    if (text !== undefined || refusal !== undefined) result.progress = 'content';
    else if (thought !== undefined && result.progress === 'none') result.progress = 'reasoning';
  }

  #noteCalls(calls: readonly ToolCallDelta[], result: ChunkReading): void {
    for (const call of calls) {
      const text = (call.function?.name ?? '') + (call.function?.arguments ?? '');
      if (text !== '') result.progress = 'content';
      this.received.textBytes += Buffer.byteLength(text);
    }
  }

  /** Old models call one function; audio counts as content; annotations other than citations are no part of the schema. */
  #readRest(reading: DeltaReading, result: ChunkReading): void {
    const { function_call: call, audio, annotations } = reading.delta as JsonObject;
    if (isJsonObject(audio)) result.progress = 'content';
    if (Array.isArray(annotations) && !annotations.every(isCitation)) {
      reading.isChanged = true;
      reading.delta = { ...reading.delta, annotations: annotations.filter(isCitation) };
    }
    if (isJsonObject(call)) {
      result.progress = 'content';
      this.received.textBytes += Buffer.byteLength(textOf(call['arguments']) ?? '');
    } else if (call !== undefined) {
      reading.isChanged = true;
      const { function_call: _call, ...rest } = reading.delta;
      reading.delta = rest;
    }
  }
}

interface DeltaReading {
  delta: ChatDelta;
  isChanged: boolean;
}

class ChunkReading {
  isChanged = false;
  progress: ChunkProgress = 'none';
  readonly finishes: { choice: number; reason: FinishReason }[] = [];
  failure: ReadChunk['failure'] = null;

  close(chunk: ChatChunk | null, hasNullFingerprint = false): ReadChunk {
    const { isChanged, progress, finishes, failure } = this;
    return { chunk, isChanged, hasNullFingerprint, progress, finishes, failure };
  }
}

const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const withCalls = (delta: ChatDelta, calls: readonly ToolCallDelta[]): ChatDelta =>
  calls.length === 0 ? delta : { ...delta, tool_calls: [...(delta.tool_calls ?? []), ...calls] };

const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value < LATEST_SECONDS;

/** Seconds from numbers, numeric text and milliseconds; `otherwise` where the vendor says nothing. */
function readSeconds(value: unknown, otherwise: number): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) return otherwise;
  const seconds = Math.floor(number >= LATEST_SECONDS ? number / 1_000 : number);
  return isSeconds(seconds) ? seconds : otherwise;
}

/** True when text, refusal, reasoning and role are named and typed as OpenAI has them. */
function isPlain({ content, refusal, role, reasoning_content: named, reasoning }: JsonObject): boolean {
  if (reasoning !== undefined || (role !== undefined && role !== 'assistant')) return false;
  return isTextual(content) && isTextual(refusal) && isTextual(named);
}

function plainDelta(given: JsonObject, text: unknown, thought: string | undefined): ChatDelta {
  const { reasoning: _reasoning, reasoning_content: _named, content, refusal, role, ...rest } = given;
  return {
    ...rest,
    ...(role === undefined ? {} : { role: 'assistant' }),
    ...(content === undefined ? {} : { content: typeof text === 'string' ? text : null }),
    ...(typeof refusal === 'string' ? { refusal } : {}),
    ...(thought === undefined ? {} : { reasoning_content: thought }),
  };
}

const isCitation = (value: unknown): boolean => isJsonObject(value) && value['type'] === 'url_citation';

const isTextual = (value: unknown): boolean => value === undefined || value === null || typeof value === 'string';

const isLogprobs = (value: unknown): boolean =>
  value === undefined || value === null || (isJsonObject(value) && 'content' in value && 'refusal' in value);

/** Both lists stand in OpenAI's log probabilities; other shapes are dropped. */
function repairLogprobs(value: unknown): Logprobs | null {
  if (!isJsonObject(value)) return null;
  const { content, refusal } = value;
  if (!Array.isArray(content) && !Array.isArray(refusal)) return null;
  return {
    content: Array.isArray(content) ? (content as unknown[]) : null,
    refusal: Array.isArray(refusal) ? (refusal as unknown[]) : null,
  };
}

function readCalls(calls: readonly unknown[], tracker: ToolCallTracker): readonly ToolCallDelta[] {
  const read: ToolCallDelta[] = [];
  let isSame = true;
  for (const call of calls) {
    if (tracker.accepts(call)) {
      read.push(call as ToolCallDelta);
      continue;
    }
    isSame = false;
    const repaired = tracker.repair(call);
    if (repaired !== null) read.push(repaired);
  }
  return isSame ? (calls as readonly ToolCallDelta[]) : read;
}

/** Mistral and others send content as parts: text parts joined, thinking parts joined apart. */
function readParts(parts: readonly unknown[]): { readonly text: string; readonly thinking: string } {
  let text = '';
  let thinking = '';
  for (const part of parts) {
    if (!isJsonObject(part)) continue;
    if (part['type'] === 'thinking') {
      const { thinking: inner } = part;
      thinking += typeof inner === 'string' ? inner : readParts(listOf(inner)).text;
    } else text += textOf(part['text']) ?? '';
  }
  return { text, thinking };
}

/** The first role is news; after it only content is. */
function saysNothing(delta: ChatDelta, { isFinished }: ChoiceState): boolean {
  return (isFinished || delta.role === undefined) && isEmpty(delta);
}

/** True when a delta brings nothing that a reader could use. */
function isEmpty(delta: ChatDelta): boolean {
  for (const name in delta) {
    const value = delta[name];
    if (name === 'role' || value === null || value === undefined || value === '') continue;
    if (Array.isArray(value) && value.length === 0) continue;
    if (KNOWN.has(name)) return false;
  }
  return true;
}

const KNOWN: ReadonlySet<string> = new Set([
  'content',
  'refusal',
  'reasoning_content',
  'tool_calls',
  'function_call',
  'audio',
  'annotations',
  'extra_content',
]);
