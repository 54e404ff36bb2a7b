import { SseLimitError, SseParser, type SseEvent } from '../../openai/index.js';
import type { Emission, HeaderView } from './adapter.js';
import { failureOf } from './classify-failure.js';
import { parseJson } from './json-value.js';
import { headerText } from './retry-after.js';

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const BLANK: ReadonlySet<number> = new Set([9, 10, 13, 32]);
const OPENING_BRACE = 123;
/** Content types that say nothing about the body. */
const UNTELLING: ReadonlySet<string> = new Set(['', 'text/plain', 'application/octet-stream']);

/** What a vendor's exchange makes of a body, however it comes. */
export interface AnswerSink {
  /** One event of a stream; `json` is undefined when its data is none. */
  event(event: SseEvent, json: unknown): void;
  /** The whole body, already parsed. */
  body(json: unknown): void;
  /** The body is complete; without effect when the answer is over. */
  close(): void;
  fail(emission: Emission & { kind: 'failure' }): void;
  readonly isOver: boolean;
  readonly billed: 'no' | 'maybe' | 'yes';
}

/** Decides between a stream and a whole body, and reads it in pieces of any size. */
export class AnswerReader {
  readonly #sse = new SseParser();
  #mode: 'unknown' | 'stream' | 'whole' = 'unknown';
  #status = 200;
  #parts: Uint8Array[] = [];
  #size = 0;
  #answeredAt = 1;

  constructor(private readonly sink: AnswerSink) {}

  get status(): number {
    return this.#status;
  }

  /** When the vendor says it answered, seconds since 1970; 1 when it does not, so that equal input gives equal output. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** Looks at status and headers of a success. A content type that says nothing leaves the decision to the first byte. */
  accept(status: number, headers: HeaderView): void {
    this.#status = status;
    const atMs = Date.parse(headerText(headers, 'date') ?? '');
    if (atMs > 0) this.#answeredAt = Math.floor(atMs / 1_000);
    if (status < 200 || status >= 300) {
      this.#refuse('it answered with a redirect');
      return;
    }
    const mode = modeOf(headerText(headers, 'content-type') ?? '');
    if (mode === null) this.#refuse('it answered with a content type that is neither a stream nor JSON');
    else this.#mode = mode;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.sink.isOver) return;
    if (this.#mode === 'unknown' && !this.#sniff(bytes)) return;
    if (this.#mode === 'whole') this.#keep(bytes);
    else this.#stream(() => this.#sse.push(bytes));
  }

  end(): void {
    if (this.sink.isOver) return;
    if (this.#mode === 'stream') this.#stream(() => this.#sse.end().filter(isWhole));
    else if (this.#size > 0) this.#whole();
    this.sink.close();
  }

  /** The first byte that is no blank decides: JSON begins with a brace, an event stream never does. */
  #sniff(bytes: Uint8Array): boolean {
    const first = bytes.find((byte) => !BLANK.has(byte));
    if (first === undefined) return false;
    this.#mode = first === OPENING_BRACE ? 'whole' : 'stream';
    return true;
  }

  #keep(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > MAX_BODY_BYTES) this.#refuse('its answer is larger than 32 MiB');
    else this.#parts.push(bytes);
  }

  #stream(read: () => readonly SseEvent[]): void {
    try {
      for (const event of read()) {
        if (this.sink.isOver) return;
        this.sink.event(event, event.data === '[DONE]' ? undefined : parseJson(event.data));
      }
    } catch (error) {
      if (!(error instanceof SseLimitError)) throw error;
      this.#refuse('one event of its answer is larger than 1 MiB');
    }
  }

  #whole(): void {
    const json = parseJson(Buffer.concat(this.#parts).toString('utf8'));
    this.#parts = [];
    if (json === undefined) this.#refuse('its answer is no JSON');
    else this.sink.body(json);
  }

  #refuse(reason: string): void {
    const failure = failureOf('malformed', { status: this.#status, billed: this.sink.billed, reason });
    this.sink.fail({ kind: 'failure', failure });
  }
}

/** How a body of this content type is read; null: not at all. */
function modeOf(contentType: string): 'unknown' | 'stream' | 'whole' | null {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/event-stream') return 'stream';
  if (type === 'application/json' || type.endsWith('+json')) return 'whole';
  return UNTELLING.has(type) ? 'unknown' : null;
}

/** A last event that was cut is no event: the stream is then truncated, not malformed. */
function isWhole({ data }: SseEvent): boolean {
  return data === '[DONE]' || parseJson(data) !== undefined;
}
