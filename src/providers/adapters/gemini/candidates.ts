import { isJsonObject, listOf, objectOf, textOf, type JsonObject } from '../json-value.js';
import { logprobsOf } from './logprobs.js';
import { PartialArguments } from './partial-arguments.js';

/** Finish names of Gemini, as those of OpenAI. Others are `stop`. */
const FINISH: Readonly<Record<string, string>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  MODEL_ARMOR: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
};
/** Finish names that make an answer worthless. */
const FAULTS: ReadonlySet<string> = new Set([
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MALFORMED_RESPONSE',
  'MISSING_THOUGHT_SIGNATURE',
]);
const MAX_CHOICES = 128;

/** A candidate as a choice of OpenAI's stream. */
export interface ReadCandidate {
  readonly choice: JsonObject;
  /** The finish name that makes the answer worthless; null when there is none. */
  readonly fault: string | null;
}

interface ChoiceState {
  hasRole: boolean;
  hasCall: boolean;
  /** A call whose arguments are still arriving. */
  open: PartialArguments | null;
  isFinished: boolean;
}

interface Delta {
  role?: 'assistant';
  content?: string;
  reasoning_content?: string;
  tool_calls?: JsonObject[];
  extra_content?: JsonObject;
}

const UNSPECIFIED = 'FINISH_REASON_UNSPECIFIED';

/** Turns candidates, streamed or whole, into choices of OpenAI's dialect. Kinds of parts that we do not know are skipped. One per
 *  answer. Attacker-controlled. */
export class CandidateReader {
  readonly #choices = new Map<number, ChoiceState>();

  /** True when every choice that began has ended, and one has. */
  get isComplete(): boolean {
    return this.#choices.size > 0 && [...this.#choices.values()].every(({ isFinished }) => isFinished);
  }

  get isEmpty(): boolean {
    return this.#choices.size === 0;
  }

  /** Null: one choice too many. */
  read(candidate: JsonObject, position: number): ReadCandidate | null {
    const { index: given, finishReason } = candidate;
    const index = Number.isSafeInteger(given) && (given as number) >= 0 ? (given as number) : position;
    const state = this.#stateOf(index);
    if (state === null) return null;
    const delta: Delta = state.hasRole ? {} : { role: 'assistant', content: '' };
    state.hasRole = true;
    let fault: string | null = null;
    for (const part of listOf(objectOf(candidate['content'])['parts'])) {
      if (isJsonObject(part) && !addPart(delta, part, state)) fault = 'MALFORMED_FUNCTION_CALL';
    }
    const name = finishReason === UNSPECIFIED ? undefined : textOf(finishReason);
    if (name !== undefined) {
      closeCall(delta, state);
      state.isFinished = true;
      if (FAULTS.has(name)) fault = name;
    }
    const finish = name === undefined ? null : finishOf(name, state);
    const choice = { index, delta, logprobs: logprobsOf(candidate['logprobsResult']), finish_reason: finish };
    return { choice, fault };
  }

  #stateOf(index: number): ChoiceState | null {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    if (this.#choices.size >= MAX_CHOICES) return null;
    const state: ChoiceState = { hasRole: false, hasCall: false, open: null, isFinished: false };
    this.#choices.set(index, state);
    return state;
  }
}

/** Gemini ends answers that call tools with STOP. */
function finishOf(name: string, { hasCall }: ChoiceState): string {
  const reason = Object.hasOwn(FINISH, name) ? (FINISH[name] ?? 'stop') : 'stop';
  return reason === 'stop' && hasCall ? 'tool_calls' : reason;
}

/** False: the call it belongs to cannot be read. */
function addPart(delta: Delta, part: JsonObject, state: ChoiceState): boolean {
  const call = part['functionCall'];
  const signature = textOf(part['thoughtSignature']);
  if (isJsonObject(call)) return addCall(delta, call, { signature, state });
  const text = textOf(part['text']);
  if (text !== undefined) {
    if (part['thought'] === true) delta.reasoning_content = (delta.reasoning_content ?? '') + text;
    else delta.content = (delta.content ?? '') + text;
  }
  if (signature !== undefined) delta.extra_content = googleState(signature);
  return true;
}

/** Opaque state that the next turn has to bring back. */
const googleState = (signature: string): JsonObject => ({ google: { thought_signature: signature } });

function addCall(
  delta: Delta,
  call: JsonObject,
  { signature, state }: { readonly signature: string | undefined; readonly state: ChoiceState },
): boolean {
  const name = textOf(call['name']);
  if (name !== undefined) {
    closeCall(delta, state);
    const isOpen = call['willContinue'] === true || call['partialArgs'] !== undefined;
    const id = textOf(call['id']);
    push(delta, {
      ...(id === undefined ? {} : { id }),
      function: { name, ...(isOpen ? {} : { arguments: call['args'] ?? {} }) },
      ...(signature === undefined ? {} : { extra_content: googleState(signature) }),
    });
    state.hasCall = true;
    state.open = isOpen ? new PartialArguments() : null;
  }
  const { open } = state;
  if (open === null) return name !== undefined;
  if (!open.add(call['partialArgs'])) return false;
  if (call['willContinue'] !== true) closeCall(delta, state);
  return true;
}

/** The arguments of a call that arrived in pieces are complete. */
function closeCall(delta: Delta, state: ChoiceState): void {
  if (state.open === null) return;
  push(delta, { function: { arguments: state.open.toJson() } });
  state.open = null;
}

function push(delta: Delta, call: JsonObject): void {
  delta.tool_calls ??= [];
  delta.tool_calls.push(call);
}
