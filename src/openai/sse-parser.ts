/** One event of a stream. */
export interface SseEvent {
  /** The `data` lines joined by `\n`. */
  readonly data: string;
  /** The `event` field, empty when absent. */
  readonly event: string;
  /** The bytes of the event from its first line to its blank line; null when they hold a comment or another field, so that
   *  they are not forwarded. A view: valid for as long as the caller keeps it. */
  readonly raw: Uint8Array | null;
}

/** An event grew beyond the limit; the stream cannot be read on. */
export class SseLimitError extends Error {
  override readonly name = 'SseLimitError';
}

const LF = 10;
const CR = 13;
const COLON = 58;
const SPACE = 32;
const LIMIT = 1024 * 1024;
const BOM = [0xef, 0xbb, 0xbf] as const;
const EMPTY = Buffer.alloc(0);

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads server-sent events from bytes that arrive in any pieces: the same bytes give the same events however they are split.
 *  Lines end with LF, CRLF or CR; comments are counted and dropped. Attacker-controlled: an event is at most 1 MiB.
 *  Source: WHATWG HTML, section 9.2 Server-sent events. */
export class SseParser {
  /** Comment lines seen; they keep a connection alive but are no progress. */
  comments = 0;
  #rest: Buffer = EMPTY;
  /** Where the unread line begins, and where the search for its end goes on. */
  #lineStart = 0;
  #searchFrom = 0;
  #eventStart = 0;
  #data: string | null = null;
  #event = '';
  #isPure = true;
  #started = false;

  constructor(private readonly limitBytes: number = LIMIT) {}

  /** Events that these bytes complete. @throws SseLimitError */
  push(bytes: Uint8Array): readonly SseEvent[] {
    if (bytes.length === 0) return [];
    const chunk = asBuffer(bytes);
    const buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const events: SseEvent[] = [];
    if (!this.#started && !this.#skipBom(buffer)) {
      this.#rest = buffer;
      return events;
    }
    this.#readLines(buffer, events);
    this.#keep(buffer);
    return events;
  }

  /** The stream is over: a last event without its blank line still counts, since some vendors leave it out.
   *  @throws SseLimitError */
  end(): readonly SseEvent[] {
    const events = [...this.push(Buffer.from('\n\n'))];
    return events.map((event) => ({ ...event, raw: null }));
  }

  #skipBom(buffer: Buffer): boolean {
    const seen = Math.min(buffer.length, BOM.length);
    for (let at = 0; at < seen; at += 1) {
      if (buffer[at] !== BOM[at]) {
        this.#started = true;
        return true;
      }
    }
    if (seen < BOM.length) return false;
    this.#started = true;
    this.#lineStart = this.#searchFrom = this.#eventStart = BOM.length;
    return true;
  }

  #readLines(buffer: Buffer, events: SseEvent[]): void {
    let nextCr = buffer.indexOf(CR, this.#searchFrom);
    for (;;) {
      const lf = buffer.indexOf(LF, this.#searchFrom);
      if (nextCr >= 0 && nextCr < this.#searchFrom) nextCr = buffer.indexOf(CR, this.#searchFrom);
      const isCr = nextCr >= 0 && (lf < 0 || nextCr < lf);
      const end = isCr ? nextCr : lf;
      if (end < 0) {
        this.#searchFrom = buffer.length;
        return;
      }
      // A CR in the last place may be half of a CRLF: wait for the next byte so that the raw range is the same however split.
      if (isCr && end + 1 === buffer.length) {
        this.#searchFrom = end;
        return;
      }
      const next = isCr && buffer[end + 1] === LF ? end + 2 : end + 1;
      this.#line(buffer, end, next, events);
      this.#lineStart = this.#searchFrom = next;
    }
  }

  #line(buffer: Buffer, end: number, next: number, events: SseEvent[]): void {
    const start = this.#lineStart;
    if (end === start) {
      if (this.#data !== null) {
        const raw = this.#isPure ? buffer.subarray(this.#eventStart, next) : null;
        events.push({ data: this.#data, event: this.#event, raw });
      }
      this.#data = null;
      this.#event = '';
      this.#isPure = true;
      this.#eventStart = next;
      return;
    }
    if (end - this.#eventStart > this.limitBytes) throw new SseLimitError('An event is larger than 1 MiB');
    this.#field(buffer, start, end);
  }

  #field(buffer: Buffer, start: number, end: number): void {
    if (buffer[start] === COLON) {
      this.comments += 1;
      this.#isPure = false;
      return;
    }
    let colon = buffer.indexOf(COLON, start);
    if (colon < 0 || colon > end) colon = end;
    const valueStart = buffer[colon + 1] === SPACE && colon + 1 < end ? colon + 2 : Math.min(colon + 1, end);
    const name = buffer.toString('latin1', start, colon);
    if (name === 'data') {
      const value = buffer.toString('utf8', valueStart, end);
      if (this.#data === null) this.#data = value;
      else {
        this.#data += `\n${value}`;
        this.#isPure = false;
      }
      return;
    }
    this.#isPure = false;
    if (name === 'event') this.#event = buffer.toString('utf8', valueStart, end);
  }

  #keep(buffer: Buffer): void {
    const from = this.#eventStart;
    if (buffer.length - from > this.limitBytes) throw new SseLimitError('An event is larger than 1 MiB');
    this.#rest = from === buffer.length ? EMPTY : buffer.subarray(from);
    this.#lineStart -= from;
    this.#searchFrom -= from;
    this.#eventStart = 0;
  }
}
