import { BundleError } from './bundle-error.js';

const LINE_FEED = 0x0a;

/** Lines of a file, one at a time and without their ends. A line is never longer than the limit, and the last one ends too. */
export class LineReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #at = 0;
  #isDone = false;
  /** Lines that were taken. */
  count = 0;

  constructor(
    source: AsyncIterable<Buffer>,
    private readonly name: string,
    private readonly limit: number,
  ) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line; undefined at the end. A promise only when the file must be read on.
   *  @throws BundleError — a line beyond the limit, or a last line that does not end */
  take(): Buffer | undefined | Promise<Buffer | undefined> {
    const end = this.#rest.indexOf(LINE_FEED, this.#at);
    if (end < 0) return this.#isDone ? this.#end() : this.#readOn();
    if (end - this.#at > this.limit) throw this.#tooLong();
    const line = this.#rest.subarray(this.#at, end);
    this.#at = end + 1;
    this.count += 1;
    return line;
  }

  async #readOn(): Promise<Buffer | undefined> {
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) {
        this.#isDone = true;
        return this.take();
      }
      const searchFrom = this.#rest.length - this.#at;
      this.#rest = searchFrom === 0 ? next.value : Buffer.concat([this.#rest.subarray(this.#at), next.value]);
      this.#at = 0;
      if (this.#rest.includes(LINE_FEED, searchFrom)) return this.take();
      if (this.#rest.length > this.limit) throw this.#tooLong();
    }
  }

  #end(): Buffer | undefined {
    if (this.#at < this.#rest.length) throw new BundleError(`The last line of ${this.name} does not end`);
    return undefined;
  }

  #tooLong(): BundleError {
    return new BundleError(`Line ${String(this.count + 1)} of ${this.name} is longer than ${String(this.limit)} bytes`);
  }
}

/** Compares what is made again with what a file holds, byte by byte. */
export class ByteCompare {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #isEqual = true;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** True while everything was equal. */
  get isEqual(): boolean {
    return this.#isEqual;
  }

  /** Expects these bytes next. */
  async expect(text: string): Promise<void> {
    if (!this.#isEqual) return;
    const wanted = Buffer.from(text);
    while (this.#rest.length < wanted.length) {
      const next = await this.#source.next();
      if (next.done === true) {
        this.#isEqual = false;
        return;
      }
      this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    }
    this.#isEqual = this.#rest.subarray(0, wanted.length).equals(wanted);
    this.#rest = this.#rest.subarray(wanted.length);
  }

  /** Expects the end. */
  async end(): Promise<boolean> {
    if (this.#isEqual) this.#isEqual = this.#rest.length === 0 && (await this.#source.next()).done === true;
    return this.#isEqual;
  }
}
