import {
  ChunkCollector,
  encodeSseData,
  type ChatChunk,
  type ChatRequest,
  type EmbeddingResponse,
  type Usage,
} from '../../openai/index.js';
import type { Emission } from '../../providers/index.js';

const NULL_USAGE = Buffer.from(',"usage":null');
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/** What is known when an answer is complete. */
export interface Completion {
  readonly usage: Usage;
  /** The `aip` member, when the caller asked for it. */
  readonly aip: Readonly<Record<string, unknown>> | undefined;
}

/** Turns what a partner emitted into the bytes of one answer. */
export interface Rendering {
  /** Bytes that may leave now; undefined: nothing yet. */
  take(batch: readonly Emission[]): Uint8Array | undefined;
  /** Everything that was generated, as the record commits to it: without the `aip` member and a stream's closing events. */
  response(): Buffer;
  /** The finish reason of the first choice, once it is known. */
  readonly finish: string | null;
  /** What leaves after the settlement: the closing events before `[DONE]`, or the whole body. */
  complete(completion: Completion): Uint8Array;
}

/** Delivered bytes, kept for the record up to 8 MiB. */
class Delivered {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  add(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes <= MAX_KEPT_BYTES) this.#parts.push(part);
  }

  all(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Cuts `,"usage":null` out of an event: inside a JSON string its quotes would be escaped, so it is a member. */
function withoutNullUsage(raw: Uint8Array): Uint8Array {
  const buffer = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const at = buffer.lastIndexOf(NULL_USAGE);
  return at < 0 ? raw : Buffer.concat([buffer.subarray(0, at), buffer.subarray(at + NULL_USAGE.length)]);
}

function finishOf(chunk: ChatChunk): string | null {
  for (const choice of chunk.choices) {
    if (typeof choice.finish_reason === 'string') return choice.finish_reason;
  }
  return null;
}

/** Server-sent events, forwarded as they came where nothing must change. Chunks that end a choice wait for the settlement. */
export class StreamRendering implements Rendering {
  readonly #delivered = new Delivered();
  readonly #withheld: ChatChunk[] = [];
  readonly #includeUsage: boolean;
  #last: ChatChunk | undefined;
  finish: string | null = null;

  constructor(request: ChatRequest) {
    this.#includeUsage = request.stream_options?.include_usage === true;
  }

  take(batch: readonly Emission[]): Uint8Array | undefined {
    let first: Uint8Array | undefined;
    let parts: Uint8Array[] | undefined;
    for (const emission of batch) {
      if (emission.kind !== 'chunk') continue;
      const bytes = this.#chunk(emission.chunk, emission.raw);
      if (bytes === undefined) continue;
      this.#delivered.add(bytes);
      if (first === undefined) first = bytes;
      else (parts ??= [first]).push(bytes);
    }
    return parts === undefined ? first : Buffer.concat(parts);
  }

  response(): Buffer {
    return this.#delivered.all();
  }

  complete({ usage, aip }: Completion): Uint8Array {
    const events: Buffer[] = [];
    const chunks = this.#withheld.map((chunk) => ({ ...this.#shown(chunk) })) as Record<string, unknown>[];
    if (this.#includeUsage && this.#last !== undefined) {
      const { id, object, created, model } = this.#last;
      chunks.push({ id, object, created, model, choices: [], usage });
    }
    const final = chunks.at(-1);
    if (aip !== undefined && final !== undefined) final['aip'] = aip;
    for (const chunk of chunks) events.push(encodeSseData(JSON.stringify(chunk)));
    return Buffer.concat(events);
  }

  #chunk(chunk: ChatChunk, raw: Uint8Array | null): Uint8Array | undefined {
    if (chunk.choices.length === 0) return undefined;
    this.#last = chunk;
    const finish = finishOf(chunk);
    if (finish !== null) {
      this.finish ??= finish;
      this.#withheld.push(chunk);
      return undefined;
    }
    if (raw === null) return encodeSseData(JSON.stringify(this.#shown(chunk)));
    return this.#includeUsage ? raw : withoutNullUsage(raw);
  }

  /** Every chunk carries `usage: null` when usage was asked for, and none does otherwise. */
  #shown(chunk: ChatChunk): ChatChunk {
    return this.#includeUsage ? { ...chunk, usage: null } : withoutUsage(chunk);
  }
}

function withoutUsage(chunk: ChatChunk): ChatChunk {
  if (!('usage' in chunk)) return chunk;
  const { usage: _usage, ...rest } = chunk;
  return rest;
}

/** One JSON body: a drained stream. */
export class CollectedRendering implements Rendering {
  readonly #collector = new ChunkCollector();
  #body: Record<string, unknown> | undefined;

  take(batch: readonly Emission[]): undefined {
    for (const emission of batch) if (emission.kind === 'chunk') this.#collector.add(emission.chunk);
    return undefined;
  }

  get finish(): string | null {
    const [first] = (this.#collected()['choices'] ?? []) as { finish_reason?: string | null }[];
    return first?.finish_reason ?? null;
  }

  response(): Buffer {
    return Buffer.from(JSON.stringify(this.#collected()));
  }

  complete({ usage, aip }: Completion): Uint8Array {
    return Buffer.from(JSON.stringify({ ...this.#collected(), usage, ...(aip === undefined ? {} : { aip }) }));
  }

  #collected(): Record<string, unknown> {
    this.#body ??= { ...this.#collector.collect(null) };
    return this.#body;
  }
}

/** The vectors of an embeddings call. */
export class EmbeddingRendering implements Rendering {
  readonly finish = null;
  #response: EmbeddingResponse | undefined;

  take(batch: readonly Emission[]): undefined {
    for (const emission of batch) if (emission.kind === 'embedding') this.#response = emission.response;
    return undefined;
  }

  response(): Buffer {
    return Buffer.from(JSON.stringify(this.#response ?? null));
  }

  complete({ usage, aip }: Completion): Uint8Array {
    if (this.#response === undefined) throw new Error('An embeddings call ended without vectors');
    const { prompt_tokens: prompt } = usage;
    const shown = { prompt_tokens: prompt, total_tokens: prompt };
    return Buffer.from(JSON.stringify({ ...this.#response, usage: shown, ...(aip === undefined ? {} : { aip }) }));
  }
}
