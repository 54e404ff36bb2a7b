import { isJsonObject, listOf, objectOf, textOf, type JsonObject } from '../json-value.js';
import { ANSWER_TOOL, PLACEHOLDER_TOOL } from './request-body.js';

type OpenBlock =
  | { readonly kind: 'tool'; readonly index: number }
  | { readonly kind: 'answer' | 'skipped' }
  | { readonly kind: 'reasoning'; text: string; signature: string };

const FINISH: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  content_filtered: 'content_filter',
  guardrail_intervened: 'content_filter',
};
const FAULTS: ReadonlySet<string> = new Set(['malformed_model_output', 'malformed_tool_use']);
const MAX_BLOCKS = 4_096;

/** True for a stop that is none: what the model wrote cannot be used. */
export function isFault(stopReason: string): boolean {
  return FAULTS.has(stopReason);
}

/** Turns the content blocks of one answer into deltas of OpenAI's dialect, which still have to be normalised. Blocks and deltas of
 *  kinds that we do not know are skipped. Attacker-controlled. */
export class ContentBlocks {
  readonly #blocks = new Map<unknown, OpenBlock>();
  #tools = 0;

  /** A call of a tool is announced; blocks of text and reasoning are not. */
  start(at: unknown, { toolUse }: JsonObject): JsonObject | null {
    if (!isJsonObject(toolUse) || this.#blocks.size >= MAX_BLOCKS) return null;
    const name = textOf(toolUse['name']) ?? '';
    if (name === ANSWER_TOOL || name === PLACEHOLDER_TOOL) {
      this.#blocks.set(at, { kind: name === ANSWER_TOOL ? 'answer' : 'skipped' });
      return null;
    }
    const index = this.#tools;
    this.#tools += 1;
    this.#blocks.set(at, { kind: 'tool', index });
    const id = textOf(toolUse['toolUseId']);
    return callOf({ index, ...(id === undefined ? {} : { id }), type: 'function', function: { name, arguments: '' } });
  }

  delta(at: unknown, { text, toolUse, reasoningContent }: JsonObject): JsonObject | null {
    if (typeof text === 'string') return { content: text };
    if (isJsonObject(reasoningContent)) return this.#reasoning(at, reasoningContent);
    const input = objectOf(toolUse)['input'];
    const open = this.#blocks.get(at);
    if (typeof input !== 'string') return null;
    if (open?.kind === 'answer') return { content: input };
    return open?.kind === 'tool' ? callOf({ index: open.index, function: { arguments: input } }) : null;
  }

  /** Signed reasoning gives the state that the next turn needs. */
  stop(at: unknown): JsonObject | null {
    const open = this.#blocks.get(at);
    this.#blocks.delete(at);
    if (open?.kind !== 'reasoning' || open.signature === '') return null;
    return stateOf({ reasoningText: { text: open.text, signature: open.signature } });
  }

  /** A whole message as the deltas it would have been. */
  *whole(content: unknown): Generator<JsonObject> {
    for (const [at, block] of listOf(content).entries()) {
      if (!isJsonObject(block)) continue;
      for (const delta of this.#wholeBlock(at, block)) if (delta !== null) yield delta;
    }
  }

  /** OpenAI's word for how it ended; unknown ones are `stop`. */
  finish(stopReason: string): string {
    const reason = Object.hasOwn(FINISH, stopReason) ? (FINISH[stopReason] ?? 'stop') : 'stop';
    return reason === 'tool_calls' && this.#tools === 0 ? 'stop' : reason;
  }

  *#wholeBlock(at: number, block: JsonObject): Generator<JsonObject | null> {
    const { text, toolUse, reasoningContent, citationsContent } = block;
    if (typeof text === 'string') yield { content: text };
    for (const cited of listOf(objectOf(citationsContent)['content'])) {
      if (isJsonObject(cited)) yield this.delta(at, { text: cited['text'] });
    }
    if (isJsonObject(toolUse)) {
      yield this.start(at, { toolUse });
      yield this.delta(at, { toolUse: { input: JSON.stringify(toolUse['input'] ?? {}) } });
    }
    if (isJsonObject(reasoningContent)) {
      const { reasoningText, redactedContent } = reasoningContent;
      const { text: thought, signature } = objectOf(reasoningText);
      yield this.#reasoning(at, { text: thought, signature, redactedContent });
      yield this.stop(at);
    }
  }

  #reasoning(at: unknown, { text, signature, redactedContent }: JsonObject): JsonObject | null {
    const encrypted = textOf(redactedContent);
    if (encrypted !== undefined) return stateOf({ redactedContent: encrypted });
    let open = this.#blocks.get(at);
    if (open?.kind !== 'reasoning') {
      if (this.#blocks.size >= MAX_BLOCKS) return null;
      open = { kind: 'reasoning', text: '', signature: '' };
      this.#blocks.set(at, open);
    }
    open.signature += textOf(signature) ?? '';
    const thought = textOf(text);
    if (thought === undefined) return null;
    open.text += thought;
    return { reasoning_content: thought };
  }
}

const callOf = (call: JsonObject): JsonObject => ({ tool_calls: [call] });
const stateOf = (block: JsonObject): JsonObject => ({ extra_content: { bedrock: { reasoning_blocks: [block] } } });
