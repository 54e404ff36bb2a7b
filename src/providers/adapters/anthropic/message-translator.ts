import type { ChatChunk, ChatDelta, FinishReason, ToolCallDelta } from '../../../openai/index.js';
import type { ChunkProgress } from '../adapter.js';
import { isJsonObject, listOf, objectOf, textOf, type JsonObject } from '../json-value.js';

/** What one event of Anthropic brings. */
export interface Translated {
  readonly chunk: ChatChunk;
  readonly progress: ChunkProgress;
}

type OpenBlock =
  | { readonly kind: 'text' }
  | { readonly kind: 'answer' }
  | { readonly kind: 'thinking'; text: string; signature: string }
  | { readonly kind: 'tool'; readonly index: number; readonly input: unknown; hasInput: boolean }
  | { readonly kind: 'skipped' };

const FINISH: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};
const MAX_BLOCKS = 4_096;

/** Turns one Anthropic answer into chunks of OpenAI's dialect. Block, delta and stop names that we do not know are skipped.
 *  Attacker-controlled. */
export class MessageTranslator {
  readonly received = { textBytes: 0, reasoningBytes: 0 };
  readonly #blocks = new Map<unknown, OpenBlock>();
  #id: string;
  #model: string;
  #tools = 0;
  #created = 1;

  /** `answerTool`: the tool whose arguments are the text of the answer; null when there is none. */
  constructor(
    private readonly origin: { readonly requestId: string; readonly model: string; readonly answerTool: string | null },
  ) {
    this.#id = `chatcmpl-${origin.requestId.replace(/[^A-Za-z0-9_-]/g, '-')}`;
    this.#model = origin.model;
  }

  /** `answeredAt`: seconds; Anthropic names no time itself. */
  start(message: JsonObject, answeredAt: number): Translated {
    this.#created = answeredAt;
    const id = textOf(message['id']);
    if (id !== undefined) this.#id = id;
    this.#model = textOf(message['model']) ?? this.#model;
    return { chunk: this.#chunk({ role: 'assistant', content: '' }), progress: 'none' };
  }

  startBlock(at: unknown, block: JsonObject): Translated | null {
    if (this.#blocks.size >= MAX_BLOCKS) return null;
    const type = block['type'];
    if (type === 'text') {
      this.#blocks.set(at, { kind: 'text' });
      return this.#text(textOf(block['text']));
    }
    if (type === 'thinking') {
      const open = { kind: 'thinking' as const, text: '', signature: textOf(block['signature']) ?? '' };
      this.#blocks.set(at, open);
      return this.#thinking(open, textOf(block['thinking']));
    }
    if (type === 'tool_use') return this.#startTool(at, block);
    this.#blocks.set(at, { kind: 'skipped' });
    return type === 'redacted_thinking' ? this.#state({ type, data: block['data'] }) : null;
  }

  delta(at: unknown, delta: JsonObject): Translated | null {
    const open = this.#blocks.get(at);
    switch (open?.kind) {
      case 'text':
        return delta['type'] === 'text_delta' ? this.#text(textOf(delta['text'])) : null;
      case 'answer':
        return this.#text(textOf(delta['partial_json']));
      case 'thinking':
        if (delta['type'] === 'signature_delta') open.signature += textOf(delta['signature']) ?? '';
        return this.#thinking(open, textOf(delta['thinking']));
      case 'tool':
        return this.#arguments(open, textOf(delta['partial_json']));
      case 'skipped':
      case undefined:
        return null;
    }
  }

  /** Closes a block: calls without arguments get an empty object, thinking gives the state that the next turn needs. */
  stopBlock(at: unknown): Translated | null {
    const open = this.#blocks.get(at);
    this.#blocks.delete(at);
    if (open?.kind === 'tool' && !open.hasInput) return this.#arguments(open, JSON.stringify(objectOf(open.input)));
    if (open?.kind !== 'thinking' || open.signature === '') return null;
    return this.#state({ type: 'thinking', thinking: open.text, signature: open.signature });
  }

  finish(stopReason: string): { readonly chunk: ChatChunk; readonly reason: FinishReason } {
    const known = Object.hasOwn(FINISH, stopReason) ? (FINISH[stopReason] ?? 'stop') : 'stop';
    const reason = known === 'tool_calls' && this.#tools === 0 ? 'stop' : known;
    return { chunk: this.#chunk({}, reason), reason };
  }

  /** A whole message as the events it would have been. */
  *whole(message: JsonObject, answeredAt: number): Generator<Translated> {
    yield this.start(message, answeredAt);
    for (const [at, block] of listOf(message['content']).entries()) {
      if (!isJsonObject(block)) continue;
      const opened = this.startBlock(at, block);
      if (opened !== null) yield opened;
      const open = this.#blocks.get(at);
      const input = open?.kind === 'answer' ? this.#text(JSON.stringify(objectOf(block['input']))) : null;
      if (input !== null) yield input;
      const closed = this.stopBlock(at);
      if (closed !== null) yield closed;
    }
  }

  #startTool(at: unknown, block: JsonObject): Translated | null {
    const name = textOf(block['name']) ?? '';
    if (name === this.origin.answerTool) {
      this.#blocks.set(at, { kind: 'answer' });
      return null;
    }
    const index = this.#tools;
    this.#tools += 1;
    this.#blocks.set(at, { kind: 'tool', index, input: block['input'], hasInput: false });
    const id = textOf(block['id']) ?? `call_${String(index)}`;
    this.received.textBytes += Buffer.byteLength(name);
    return this.#tool({ index, id, type: 'function', function: { name, arguments: '' } });
  }

  #text(text: string | undefined): Translated | null {
    if (text === undefined) return null;
    this.received.textBytes += Buffer.byteLength(text);
    return { chunk: this.#chunk({ content: text }), progress: 'content' };
  }

  #thinking(open: OpenBlock & { kind: 'thinking' }, text: string | undefined): Translated | null {
    if (text === undefined) return null;
    open.text += text;
    this.received.reasoningBytes += Buffer.byteLength(text);
    return { chunk: this.#chunk({ reasoning_content: text }), progress: 'reasoning' };
  }

  #arguments(open: OpenBlock & { kind: 'tool' }, text: string | undefined): Translated | null {
    if (text === undefined) return null;
    open.hasInput = true;
    this.received.textBytes += Buffer.byteLength(text);
    return this.#tool({ index: open.index, function: { arguments: text } });
  }

  #tool(call: ToolCallDelta): Translated {
    return { chunk: this.#chunk({ tool_calls: [call] }), progress: 'content' };
  }

  #state(block: JsonObject): Translated {
    return { chunk: this.#chunk({ extra_content: { anthropic: { thinking_blocks: [block] } } }), progress: 'none' };
  }

  #chunk(delta: ChatDelta, finish: FinishReason | null = null): ChatChunk {
    return {
      id: this.#id,
      object: 'chat.completion.chunk',
      created: this.#created,
      model: this.#model,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    };
  }
}
