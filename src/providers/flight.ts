import type { Dispatcher } from 'undici';

/** Bytes that may wait for a slow consumer before the socket is paused. */
const PAUSE_ABOVE_BYTES = 256 * 1024;
/** Bytes that may follow the end of an answer before the connection is given up. */
const MAX_TRAILING_BYTES = 64 * 1024;

/** Header values as undici delivers them, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

type Controller = Dispatcher.DispatchController;

/** One request on the wire: what has arrived and was not taken yet, with backpressure on the socket. The consumer looks at the
 *  members and, when there is nothing to do, waits for {@link change}. One consumer. */
export class Flight implements Dispatcher.DispatchHandler {
  /** True once a connection carries the request. */
  sent = false;
  /** 0 until the headers arrived. */
  status = 0;
  headers: ResponseHeaders = {};
  /** The response is complete. */
  ended = false;
  error: Error | undefined;
  #controller: Controller | undefined;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #trailingBytes = 0;
  #wake: (() => void) | undefined;
  #state: 'live' | 'finished' | 'destroyed' = 'live';

  /** Resolves at the next event, or at {@link nudge}. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Wakes the consumer: a timer is due or the caller left. */
  nudge(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** The next piece of the body, or `undefined` when none has arrived. */
  take(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    this.#waitingBytes -= chunk.length;
    if (this.#waitingBytes === 0 && this.#controller?.paused === true) this.#controller.resume();
    return chunk;
  }

  /** Something waits for {@link take}. */
  get hasBytes(): boolean {
    return this.#waitingBytes > 0;
  }

  /** Nothing more will arrive. */
  get isOver(): boolean {
    return this.ended || this.error !== undefined;
  }

  /** Nobody wants the answer any more. */
  get isDestroyed(): boolean {
    return this.#state === 'destroyed';
  }

  /** The request never left. */
  fail(error: Error): void {
    this.error = error;
    this.nudge();
  }

  /** The answer is complete for the consumer; what still comes is thrown away so that the connection can be used again. */
  finish(): void {
    if (this.#state !== 'live') return;
    this.#state = 'finished';
    this.#chunks = [];
    this.#waitingBytes = 0;
    if (this.#controller?.paused === true) this.#controller.resume();
  }

  /** Ends the request and its connection, at once when it stands, else as soon as it does; without effect after the end. */
  destroy(): void {
    if (this.#state === 'destroyed') return;
    this.#state = 'destroyed';
    this.#chunks = [];
    this.#waitingBytes = 0;
    if (!this.ended && this.error === undefined) this.#controller?.abort(new Error('The attempt is over'));
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#state === 'destroyed') {
      controller.abort(new Error('The attempt is over'));
      return;
    }
    this.sent = true;
    this.nudge();
  }

  onResponseStart(_controller: Controller, status: number, headers: ResponseHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    this.nudge();
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#state !== 'live') {
      this.#trailingBytes += chunk.length;
      if (this.#trailingBytes > MAX_TRAILING_BYTES) this.destroy();
      return;
    }
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > PAUSE_ABOVE_BYTES) controller.pause();
    this.nudge();
  }

  onResponseEnd(): void {
    this.ended = true;
    this.nudge();
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.fail(error);
  }
}
