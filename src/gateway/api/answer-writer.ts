import type { ServerResponse } from 'node:http';

import { DONE, encodeSseData } from '../../openai/index.js';

const MAX_UNSENT_BYTES = 1024 * 1024;
const NO_PROGRESS_MS = 60_000;
const PING_MS = 15_000;
const PING = Buffer.from(': ping\n\n');

/** The caller stopped reading for a minute. */
export class SlowReaderError extends Error {
  override readonly name = 'SlowReaderError';
}

/** Writes one server-sent event stream. The status line leaves with {@link begin}; nothing is compressed. */
export class EventStreamWriter {
  #ping: NodeJS.Timeout | undefined;

  constructor(private readonly response: ServerResponse) {}

  /** True once the status line has left. */
  get begun(): boolean {
    return this.response.headersSent;
  }

  /** Sends status and headers; from here on silence is filled with comments every 15 s. */
  begin(headers: Readonly<Record<string, string>>): void {
    this.response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      ...headers,
    });
    this.#ping = setInterval(() => this.response.write(PING), PING_MS);
    this.response.once('close', () => {
      clearInterval(this.#ping);
    });
  }

  /** Writes event bytes; resolves when at most 1 MiB is unsent. @throws SlowReaderError after 60 s without progress */
  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#ping?.refresh();
    if (this.response.write(bytes) || this.response.writableLength <= MAX_UNSENT_BYTES) return undefined;
    return this.#drained();
  }

  /** Writes one JSON event. */
  writeJson(value: unknown): void {
    this.response.write(encodeSseData(JSON.stringify(value)));
  }

  /** Ends a complete stream with `[DONE]`, after everything before it. */
  done(tail: Uint8Array | undefined): void {
    clearInterval(this.#ping);
    if (tail !== undefined) this.response.write(tail);
    this.response.end(DONE);
  }

  /** Ends without `[DONE]`: the reader can tell that the answer is not complete. */
  fail(error: unknown): void {
    clearInterval(this.#ping);
    this.response.end(encodeSseData(JSON.stringify(error)));
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        this.response.off('drain', onDrain);
        this.response.off('close', onClose);
        finish();
      };
      const onDrain = (): void => {
        settle(resolve);
      };
      const onClose = (): void => {
        settle(resolve);
      };
      const timer = setTimeout(() => {
        settle(() => {
          reject(new SlowReaderError('The caller read nothing for a minute'));
        });
      }, NO_PROGRESS_MS);
      this.response.once('drain', onDrain);
      this.response.once('close', onClose);
    });
  }
}
