import type { ChatChunk, ChatDelta } from '../../openai/index.js';
import { choicesOf } from '../adapters/fan-out.js';
import type { Emission } from '../adapters/adapter.js';
import type { AttemptRecord } from './attempt.js';
import type { CallInput } from './call.js';
import type { Deployment } from './deployment.js';

/** Longest answer that is carried on, characters. */
const MAX_CHARACTERS = 256 * 1024;
/** Members of a delta that are text, or say nothing. */
const PLAIN_MEMBERS: ReadonlySet<string> = new Set(['role', 'content', 'refusal', 'reasoning_content', 'reasoning']);

const isPlainText = (delta: ChatDelta): boolean =>
  (delta.refusal ?? null) === null &&
  Object.entries(delta).every(([member, value]) => PLAIN_MEMBERS.has(member) || value === null || value === undefined);

/** What the caller has seen of an answer, as far as another provider could carry it on: plain text of one choice. */
export class PartialAnswer {
  #text = '';
  #isPlain = true;
  #head: ChatChunk | undefined;

  add(emissions: readonly Emission[]): void {
    for (const emission of emissions) {
      if (emission.kind === 'chunk') this.#addChunk(emission.chunk);
      else if (emission.kind === 'finish' || emission.kind === 'embedding') this.#isPlain = false;
    }
  }

  /** The text so far; null when it is none that could be carried on. */
  get text(): string | null {
    return this.#isPlain && this.#text.trim() !== '' && this.#text.length <= MAX_CHARACTERS ? this.#text : null;
  }

  /** Identity that all chunks of the answer share. */
  get head(): ChatChunk | undefined {
    return this.#head;
  }

  #addChunk(chunk: ChatChunk): void {
    this.#head ??= chunk;
    for (const { index, delta, finish_reason: finish } of chunk.choices) {
      if (index !== 0 || finish !== null || !isPlainText(delta)) this.#isPlain = false;
      if (typeof delta.content === 'string' && this.#text.length <= MAX_CHARACTERS) this.#text += delta.content;
    }
  }
}

/** Whether an answer to this request may be carried on by another provider at all: plain text, one choice, no tools in play. */
export function mayContinue({ rules, request, operation }: CallInput): boolean {
  if (rules?.onCut !== 'continue' || operation !== 'chat' || choicesOf(request) > 1) return false;
  const { response_format: format, tools, functions, logprobs, stream } = request;
  // A collected answer has reached nobody: the next candidate gives it anew.
  if (stream !== true) return false;
  const isText = format === undefined || format === null || (format as { type?: unknown }).type === 'text';
  return isText && !isFilled(tools) && !isFilled(functions) && logprobs !== true;
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

/** Whether a deployment takes the beginning of its own answer. */
export function canCarryOn({ capabilities }: Deployment): boolean {
  return capabilities.prefill && capabilities.stream;
}

/** The request with the beginning of the answer; vendors refuse blanks at its end. */
export function continuedRequest(request: CallInput['request'], text: string): CallInput['request'] {
  const messages = request['messages'] as readonly unknown[];
  return { ...request, messages: [...messages, { role: 'assistant', content: text.trimEnd() }] };
}

/** Joins the carrying-on to the answer it continues: one id, no second role, and one chunk that marks the place. */
export class Seam {
  #atSeam: boolean;

  constructor(
    private readonly head: ChatChunk,
    private readonly text: string,
  ) {
    this.#atSeam = text.trimEnd() !== text;
  }

  /** The chunk that tells the caller. */
  mark(from: AttemptRecord, to: AttemptRecord): Emission {
    const continuation = {
      from: from.deployment.providerName,
      to: to.deployment.providerName,
      afterCharacters: this.text.length,
    };
    const choice = { index: 0, delta: { content: '' }, logprobs: null, finish_reason: null };
    const chunk = { ...this.#identity(), choices: [choice], aip: { continuation } };
    return { kind: 'chunk', chunk, raw: null, progress: 'none' };
  }

  join(emissions: readonly Emission[]): readonly Emission[] {
    return emissions.map((emission) =>
      emission.kind === 'chunk' ? { ...emission, chunk: this.#chunk(emission.chunk), raw: null } : emission,
    );
  }

  #chunk(chunk: ChatChunk): ChatChunk {
    return {
      ...chunk,
      ...this.#identity(),
      choices: chunk.choices.map((choice) => ({ ...choice, delta: this.#delta(choice.delta) })),
    };
  }

  #delta({ role: _role, ...delta }: ChatDelta): ChatDelta {
    const { content } = delta;
    if (!this.#atSeam || typeof content !== 'string' || content === '') return delta;
    // The blanks that the beginning ended with are there already.
    const rest = content.trimStart();
    if (rest !== '') this.#atSeam = false;
    return { ...delta, content: rest };
  }

  #identity(): Pick<ChatChunk, 'id' | 'object' | 'created' | 'model'> {
    const { id, created, model } = this.head;
    return { id, object: 'chat.completion.chunk', created, model };
  }
}
