import { newId, seededRandom } from '../../platform/ids/index.js';

import { type BilledTokens } from './bill.js';
import { type JsonObject } from './json-object.js';
import { schemaInstance } from './schema-instance.js';
import { generateText, generateThinking, hashText, SIMULATED_MARK, topicOf } from './text-generator.js';
import { tokenise } from './tokens.js';

/** One turn of a conversation with all its parts as text. */
export interface Turn {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly text: string;
}

/** A chat request without its dialect. */
export interface ChatPrompt {
  readonly model: string;
  /** ≥ 1, in order. */
  readonly turns: readonly Turn[];
  readonly stream: boolean;
  /** Upper bound of one answer, reasoning included; ≥ 1. */
  readonly maxTokens: number;
  readonly stops: readonly string[];
  /** How many answers, 1…8. */
  readonly choices: number;
  readonly format: { readonly kind: 'text' | 'json' } | { readonly kind: 'schema'; readonly schema: unknown };
  readonly tools: readonly { readonly name: string; readonly parameters: unknown }[];
  readonly toolUse: 'none' | 'auto' | { readonly name: string };
  /** Most reasoning tokens; 0 when no reasoning was asked for. */
  readonly thinkingBudget: number;
  /** `automatic`: repeated beginnings are cached unasked; `marked`: up to the turn with this index; `off`: never. */
  readonly caching: 'automatic' | 'off' | { readonly throughTurn: number };
}

/** One answer, as tokens that joined are its text. */
export interface SimulatedChoice {
  readonly thinking: readonly string[];
  readonly content: readonly string[];
  readonly toolCall: { readonly id: string; readonly name: string; readonly arguments: readonly string[] } | null;
  readonly finish: 'stop' | 'stop_sequence' | 'length' | 'tool_calls';
  readonly stopSequence: string | null;
  /** For chunking and pace. */
  readonly seed: number;
}

/** Everything a partner is about to say, before a byte of it is sent. */
export interface SimulatedAnswer {
  readonly choices: readonly SimulatedChoice[];
  readonly tokens: BilledTokens;
}

/** The tokens a prompt is billed for, in order: 4 per turn for its frame, then its text. */
export function promptTokens(prompt: Pick<ChatPrompt, 'turns' | 'tools'>): string[] {
  const tokens = prompt.turns.flatMap((turn) => ['<', turn.role, '>', ...tokenise(turn.text), '</>']);
  for (const tool of prompt.tools) tokens.push(...tokenise(JSON.stringify(tool)));
  return tokens;
}

/** The number that everything random about an answer follows from: model, turns and the process's seed. */
export function seedOf(prompt: Pick<ChatPrompt, 'model' | 'turns'>, seed: number): number {
  let hash = hashText(prompt.model, seed);
  for (const turn of prompt.turns) hash = hashText(`${turn.role}\u0000${turn.text}`, hash);
  return hash;
}

/** Answers a prompt: a tool call for a user's turn when tools were given, else JSON or text as asked, cut at the first
 *  stop sequence and at `maxTokens`. Equal prompt and seed, equal answer, except for the ids of tool calls. */
export function complete(prompt: ChatPrompt, seed: number): readonly SimulatedChoice[] {
  const first = seedOf(prompt, seed);
  return Array.from({ length: prompt.choices }, (_, index) =>
    choose(prompt, (first + Math.imul(index, 0x9e3779b1)) >>> 0),
  );
}

/** Tokens over all choices; input counts are left to the caller. */
export function outputTokens(choices: readonly SimulatedChoice[]): Pick<BilledTokens, 'output' | 'reasoning'> {
  let output = 0;
  let reasoning = 0;
  for (const { content, thinking, toolCall } of choices) {
    output += content.length + (toolCall?.arguments.length ?? 0);
    reasoning += thinking.length;
  }
  return { output, reasoning };
}

function choose(prompt: ChatPrompt, seed: number): SimulatedChoice {
  const room = Math.min(prompt.thinkingBudget, Math.max(0, prompt.maxTokens - 1));
  const thinking = room > 0 ? tokenise(generateThinking(seed)).slice(0, room) : [];
  const left = prompt.maxTokens - thinking.length;
  const tool = chooseTool(prompt, seed);
  if (tool !== undefined) {
    const tokens = tokenise(JSON.stringify(toolArguments(tool.parameters, seed)));
    return {
      thinking,
      content: [],
      toolCall: { id: newId().replaceAll('-', ''), name: tool.name, arguments: tokens.slice(0, left) },
      finish: tokens.length > left ? 'length' : 'tool_calls',
      stopSequence: null,
      seed,
    };
  }
  const whole = answerText(prompt, seed);
  const { text, stopSequence } = cutAtStop(whole, prompt.stops);
  const tokens = tokenise(text);
  const isCut = tokens.length > left;
  const finish = isCut ? 'length' : stopSequence === null ? 'stop' : 'stop_sequence';
  return {
    thinking,
    content: tokens.slice(0, left),
    toolCall: null,
    finish,
    stopSequence: isCut ? null : stopSequence,
    seed,
  };
}

function chooseTool(prompt: ChatPrompt, seed: number): ChatPrompt['tools'][number] | undefined {
  const { tools, toolUse } = prompt;
  if (toolUse === 'none' || prompt.turns.at(-1)?.role !== 'user') return undefined;
  if (toolUse !== 'auto') return tools.find(({ name }) => name === toolUse.name);
  return tools[Math.floor(seededRandom(seed)() * tools.length)];
}

function toolArguments(parameters: unknown, seed: number): JsonObject {
  const made = schemaInstance(parameters ?? { type: 'object' }, seed);
  return typeof made === 'object' && made !== null ? { ...made } : {};
}

function answerText(prompt: ChatPrompt, seed: number): string {
  if (prompt.format.kind === 'schema') return JSON.stringify(schemaInstance(prompt.format.schema, seed));
  const topic = topicOf(prompt.turns.findLast(({ role }) => role === 'user')?.text ?? '');
  const text = generateText(seed, topic);
  return prompt.format.kind === 'text' ? text : JSON.stringify({ simulated: true, mark: SIMULATED_MARK, answer: text });
}

function cutAtStop(text: string, stops: readonly string[]): { text: string; stopSequence: string | null } {
  let at = text.length;
  let stopSequence: string | null = null;
  for (const stop of stops) {
    const found = stop === '' ? -1 : text.indexOf(stop);
    if (found < 0 || found >= at) continue;
    at = found;
    stopSequence = stop;
  }
  return { text: text.slice(0, at), stopSequence };
}
