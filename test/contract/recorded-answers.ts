import type { Dialect } from '../../src/providers/adapters/adapter.js';
import type { Recorded } from './recorded-exchanges.js';

type Json = Readonly<Record<string, unknown>>;
type Expected = Recorded['expected'];
type Usage = NonNullable<Expected['usage']>;

/** What a vendor's answer says, read straight from its events or its body, without any of the product's code. */
interface Said {
  text: string;
  /** By index; an index that nobody used is a hole. */
  calls: ({ name: string; arguments: string } | undefined)[];
  finish: string[];
  usage: Usage | null;
}

const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((found, key) => (found as Json | undefined)?.[key], value ?? undefined);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);
const json = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? {}));

const usageOf = (input: number, cached: number, written: number, output: number, reasoning: number | null): Usage => ({
  input_total: input,
  cached_read: cached,
  cache_write: written,
  output_total: output,
  reasoning,
});

function readOpenAi(said: Said, event: unknown): void {
  // Where several choices were asked for, the recordings sum up the first.
  const choice = list(at(event, 'choices')).find((one) => (at(one, 'index') ?? 0) === 0);
  const delta = at(choice, 'delta') ?? at(choice, 'message');
  const content = at(delta, 'content');
  said.text += Array.isArray(content)
    ? content.map((part) => (at(part, 'type') === 'text' ? text(at(part, 'text')) : '')).join('')
    : text(content);
  for (const [position, call] of list(at(delta, 'tool_calls')).entries()) {
    const index = (at(call, 'index') as number | undefined) ?? position;
    const name = text(at(call, 'function', 'name'));
    const added = text(at(call, 'function', 'arguments'));
    const known = said.calls[index];
    if (known === undefined) said.calls[index] = { name, arguments: added };
    else known.arguments += added;
  }
  if (typeof at(choice, 'finish_reason') === 'string') said.finish = [text(at(choice, 'finish_reason'))];
  const raw = at(event, 'usage') ?? at(event, 'x_groq', 'usage');
  if (typeof raw !== 'object' || raw === null) return;
  const reasoning = count(at(raw, 'completion_tokens_details', 'reasoning_tokens'));
  const [prompt, completion] = [count(at(raw, 'prompt_tokens')), count(at(raw, 'completion_tokens'))];
  const isOutside = count(at(raw, 'total_tokens')) === prompt + completion + reasoning;
  const cached = at(raw, 'prompt_tokens_details', 'cached_tokens') ?? at(raw, 'prompt_cache_hit_tokens');
  const written = count(at(raw, 'prompt_tokens_details', 'cache_write_tokens'));
  said.usage = usageOf(prompt, count(cached), written, completion + (isOutside ? reasoning : 0), reasoning);
}

function readAnthropicBlock(said: Said, block: unknown): void {
  if (at(block, 'type') === 'text') said.text += text(at(block, 'text'));
  if (at(block, 'type') !== 'tool_use') return;
  const input = at(block, 'input') ?? {};
  // The input of a stream comes in pieces after an empty object.
  const isWhole = Object.keys(input).length > 0;
  said.calls.push({ name: text(at(block, 'name')), arguments: isWhole ? json(input) : '' });
}

function readAnthropic(said: Said, event: unknown, blocks: Map<unknown, number>): void {
  const block = at(event, 'content_block');
  if (block !== undefined) blocks.set(at(event, 'index'), said.calls.length);
  readAnthropicBlock(said, block);
  const delta = at(event, 'delta');
  said.text += text(at(delta, 'text'));
  const call = said.calls[blocks.get(at(event, 'index')) ?? -1];
  if (call !== undefined) call.arguments += text(at(delta, 'partial_json'));
  const message = at(event, 'message') ?? event;
  for (const part of list(at(message, 'content'))) readAnthropicBlock(said, part);
  const finish = at(delta, 'stop_reason') ?? at(message, 'stop_reason');
  if (typeof finish === 'string') said.finish = [finish];
  readAnthropicUsage(said, at(message, 'usage'));
}

/** The first report knows the prompt; members of later ones win where they are there. */
function readAnthropicUsage(said: Said, raw: unknown): void {
  if (typeof raw !== 'object' || raw === null) return;
  const before = said.usage ?? usageOf(0, 0, 0, 0, null);
  const cached = at(raw, 'cache_read_input_tokens') ?? before.cached_read;
  const written = at(raw, 'cache_creation_input_tokens') ?? before.cache_write;
  const bare = at(raw, 'input_tokens') ?? before.input_total - before.cached_read - before.cache_write;
  const input = count(bare) + count(cached) + count(written);
  said.usage = usageOf(input, count(cached), count(written), count(at(raw, 'output_tokens')), null);
}

function readCohere(said: Said, event: unknown): void {
  const message = at(event, 'delta', 'message') ?? at(event, 'message');
  const content = at(message, 'content');
  said.text += (Array.isArray(content) ? (content as unknown[]) : [content])
    .map((part) => text(at(part, 'text')))
    .join('');
  const calls = at(message, 'tool_calls');
  for (const call of Array.isArray(calls) ? (calls as unknown[]) : calls === undefined ? [] : [calls]) {
    const added = text(at(call, 'function', 'arguments'));
    const last = said.calls.at(-1);
    if (at(call, 'id') !== undefined) said.calls.push({ name: text(at(call, 'function', 'name')), arguments: added });
    else if (last !== undefined) last.arguments += added;
  }
  const finish = at(event, 'delta', 'finish_reason') ?? at(event, 'finish_reason');
  if (typeof finish === 'string') said.finish = [finish];
  const billed = at(event, 'delta', 'usage', 'billed_units') ?? at(event, 'usage', 'billed_units');
  if (billed !== undefined)
    said.usage = usageOf(count(at(billed, 'input_tokens')), 0, 0, count(at(billed, 'output_tokens')), null);
}

/** Calls come whole, or their arguments in parts that name their place: `$.list[0].name`, texts in several pieces. */
function readGeminiCall(said: Said, call: unknown): void {
  if (call === undefined) return;
  const name = text(at(call, 'name'));
  if (name !== '') said.calls.push({ name, arguments: json(at(call, 'args')) });
  const last = said.calls.at(-1);
  for (const part of list(at(call, 'partialArgs'))) {
    if (last === undefined) return;
    const root = JSON.parse(last.arguments) as Record<string, unknown>;
    const steps = text(at(part, 'jsonPath')).match(/[^.$[\]]+/g) ?? [];
    const leaf = steps.pop() ?? '';
    let place = root;
    for (const [depth, step] of steps.entries()) {
      const isList = /^\d+$/.test(steps[depth + 1] ?? leaf);
      place = (place[step] ??= isList ? [] : {}) as Record<string, unknown>;
    }
    place[leaf] = text(place[leaf]) + text(at(part, 'stringValue'));
    last.arguments = JSON.stringify(root);
  }
}

function readGemini(said: Said, event: unknown): void {
  const candidate = at(event, 'candidates', 0);
  for (const part of list(at(candidate, 'content', 'parts'))) {
    if (at(part, 'thought') !== true) said.text += text(at(part, 'text'));
    readGeminiCall(said, at(part, 'functionCall'));
  }
  if (typeof at(candidate, 'finishReason') === 'string') said.finish = [text(at(candidate, 'finishReason'))];
  const raw = at(event, 'usageMetadata');
  if (raw === undefined) return;
  const thoughts = count(at(raw, 'thoughtsTokenCount'));
  said.usage = usageOf(
    count(at(raw, 'promptTokenCount')) + count(at(raw, 'toolUsePromptTokenCount')),
    count(at(raw, 'cachedContentTokenCount')),
    0,
    count(at(raw, 'candidatesTokenCount')) + thoughts,
    thoughts,
  );
}

function readBedrock(said: Said, event: unknown, blocks: Map<unknown, number>): void {
  for (const part of list(at(event, 'output', 'message', 'content'))) {
    said.text += text(at(part, 'text'));
    const call = at(part, 'toolUse');
    if (call !== undefined) said.calls.push({ name: text(at(call, 'name')), arguments: json(at(call, 'input')) });
  }
  const start = at(event, 'contentBlockStart', 'start', 'toolUse');
  if (start !== undefined) {
    blocks.set(at(event, 'contentBlockStart', 'contentBlockIndex'), said.calls.length);
    said.calls.push({ name: text(at(start, 'name')), arguments: '' });
  }
  const delta = at(event, 'contentBlockDelta');
  said.text += text(at(delta, 'delta', 'text'));
  const call = said.calls[blocks.get(at(delta, 'contentBlockIndex')) ?? -1];
  if (call !== undefined) call.arguments += text(at(delta, 'delta', 'toolUse', 'input'));
  const finish = at(event, 'messageStop', 'stopReason') ?? at(event, 'stopReason');
  if (typeof finish === 'string') said.finish = [finish];
  const raw = at(event, 'metadata', 'usage') ?? at(event, 'usage');
  if (raw === undefined) return;
  const cached = count(at(raw, 'cacheReadInputTokens') ?? at(raw, 'cacheReadInputTokenCount'));
  const written = count(at(raw, 'cacheWriteInputTokens') ?? at(raw, 'cacheWriteInputTokenCount'));
  said.usage = usageOf(
    count(at(raw, 'inputTokens')) + cached + written,
    cached,
    written,
    count(at(raw, 'outputTokens')),
    null,
  );
}

const READERS: Readonly<Record<Dialect, (said: Said, event: unknown, blocks: Map<unknown, number>) => void>> = {
  openai: readOpenAi,
  anthropic: readAnthropic,
  cohere: readCohere,
  gemini: readGemini,
  bedrock: readBedrock,
};

/** What should come out of these events, or of one whole body, in the terms of the recordings. */
export function readExpected(dialect: Dialect, events: readonly unknown[]): Expected {
  const said: Said = { text: '', calls: [], finish: [], usage: null };
  const blocks = new Map<unknown, number>();
  for (const event of events) READERS[dialect](said, event, blocks);
  return {
    usage: said.usage,
    usage_raw: [],
    finish: said.finish,
    text: said.text,
    tool_calls: said.calls.filter((call) => call !== undefined),
  };
}

/** Events of a recorded event stream. */
export function eventsIn(body: string): readonly unknown[] {
  return body
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice('data: '.length)) as unknown);
}

const numbers = (vector: unknown): readonly number[] => {
  if (typeof vector !== 'string') return list(vector) as readonly number[];
  const bytes = Buffer.from(vector, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, position) => bytes.readFloatLE(position * 4));
};

/** Vectors of an answer of OpenAI's or Cohere's API, as numbers. */
export function vectorsIn(answer: unknown): readonly (readonly number[])[] {
  const found = list(at(answer, 'data')).map((one) => at(one, 'embedding'));
  return [...found, ...list(at(answer, 'embeddings', 'float'))].map(numbers);
}
