import type { HeaderView } from '../adapter.js';
import type { BodyReader } from '../answer-exchange.js';
import { AnswerReader, type AnswerSink } from '../answer-reader.js';
import { failureOf } from '../classify-failure.js';
import { parseJson } from '../json-value.js';
import { headerText } from '../retry-after.js';
import { classifyException } from './exceptions.js';
import { BrokenFrame, frameBytes, PRELUDE_BYTES, readFrame, type EventFrame } from './event-frame.js';

const CONTENT_TYPE = /^application\/vnd\.amazon\.eventstream\s*(;|$)/i;

/** Reads AWS's binary event stream in pieces of any size, and everything else as other vendors' answers are read. Both check sums
 *  of every message are compared; a broken one ends the answer as `malformed`, an exception in the stream as what it says. */
export class EventStreamReader implements BodyReader {
  readonly #other: AnswerReader;
  #isBinary = false;
  #parts: Uint8Array[] = [];
  #size = 0;
  /** Bytes that are needed before anything can be read. */
  #needed = PRELUDE_BYTES;

  constructor(private readonly sink: AnswerSink) {
    this.#other = new AnswerReader(sink);
  }

  get status(): number {
    return this.#other.status;
  }

  get answeredAt(): number {
    return this.#other.answeredAt;
  }

  accept(status: number, headers: HeaderView): void {
    this.#isBinary = CONTENT_TYPE.test(headerText(headers, 'content-type') ?? '');
    this.#other.accept(status, this.#isBinary ? { ...headers, 'content-type': 'text/event-stream' } : headers);
  }

  push(bytes: Uint8Array): void {
    if (!this.#isBinary) {
      this.#other.push(bytes);
      return;
    }
    if (bytes.length === 0 || this.sink.isOver) return;
    this.#parts.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#needed) return;
    try {
      this.#read(Buffer.concat(this.#parts));
    } catch (error) {
      if (!(error instanceof BrokenFrame)) throw error;
      const failure = failureOf('malformed', { status: this.status, billed: this.sink.billed, reason: error.message });
      this.sink.fail({ kind: 'failure', failure });
    }
  }

  /** A last message that was cut is none. */
  end(): void {
    if (!this.#isBinary) this.#other.end();
    else if (!this.sink.isOver) this.sink.close();
  }

  #read(buffer: Buffer): void {
    let at = 0;
    let needed = PRELUDE_BYTES;
    while (buffer.length - at >= needed && !this.sink.isOver) {
      if (needed === PRELUDE_BYTES) needed = frameBytes(buffer.subarray(at, at + PRELUDE_BYTES));
      if (buffer.length - at < needed) break;
      this.#hand(readFrame(buffer.subarray(at, at + needed)));
      at += needed;
      needed = PRELUDE_BYTES;
    }
    const rest = buffer.subarray(at);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    this.#needed = needed;
  }

  #hand({ headers, payload }: EventFrame): void {
    const text = payload.toString('utf8');
    const kind = headers.get(':message-type');
    if (kind === 'event') {
      this.sink.event({ data: text, event: headers.get(':event-type') ?? '', raw: null }, parseJson(text));
      return;
    }
    const told =
      kind === 'exception'
        ? { name: headers.get(':exception-type') ?? '', body: parseJson(text) }
        : { name: headers.get(':error-code') ?? '', body: { message: headers.get(':error-message') ?? '' } };
    const failure = classifyException(told.name, told.body, { status: this.status, billed: this.sink.billed });
    this.sink.fail({ kind: 'failure', failure });
  }
}
