import type { Socket } from 'node:net';

import type { buildConnector } from 'undici';

import type { Clock } from '../platform/clock/index.js';

const KEPT = 2;
/** Below the minute after which vendors close idle connections. */
const LIFE_MS = 30_000;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 60_000;

interface Kept {
  readonly socket: Socket;
  /** Ends the keeping: timer and listeners go. */
  readonly release: () => void;
}

/** Two idle connections to one origin, handshakes done, so that the first call and a failover to it pay for none. Each is kept for
 *  30 s and then replaced; an origin that cannot be reached is tried again after 5 to 60 s. Nothing here keeps the process alive. */
export class WarmSockets {
  readonly #kept: Kept[] = [];
  #opening = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #pause: (() => void) | undefined;
  #isOn = false;

  /** `target`: what the pool would ask the connector for. */
  constructor(
    private readonly connect: buildConnector.connector,
    private readonly target: buildConnector.Options,
    private readonly clock: Clock,
  ) {}

  /** Connections that wait to be used. */
  get size(): number {
    return this.#kept.length;
  }

  /** Hands out a waiting connection, or opens one; for a pool. */
  readonly connector: buildConnector.connector = (options, callback) => {
    const kept = this.#take();
    if (kept === undefined) this.connect(options, callback);
    else callback(null, kept);
  };

  /** Begins to keep connections, or goes on with it. */
  keep(): void {
    this.#isOn = true;
    this.#fill();
  }

  /** Closes what waits and keeps nothing any more. */
  rest(): void {
    this.#isOn = false;
    this.#pause?.();
    this.#pause = undefined;
    for (const kept of this.#kept.splice(0)) {
      kept.release();
      kept.socket.destroy();
    }
  }

  #fill(): void {
    if (!this.#isOn || this.#pause !== undefined) return;
    while (this.#kept.length + this.#opening < KEPT) this.#open();
  }

  #take(): Socket | undefined {
    for (let kept = this.#kept.shift(); kept !== undefined; kept = this.#kept.shift()) {
      kept.release();
      if (kept.socket.destroyed || !kept.socket.readable || !kept.socket.writable) continue;
      kept.socket.ref();
      this.#fill();
      return kept.socket;
    }
    return undefined;
  }

  #open(): void {
    this.#opening += 1;
    this.connect(this.target, (...[error, socket]) => {
      this.#opening -= 1;
      if (error !== null) this.#wait();
      else if (!this.#isOn) socket.destroy();
      else this.#store(socket);
    });
  }

  #store(socket: Socket): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    const drop = (): void => {
      kept.release();
      const at = this.#kept.indexOf(kept);
      if (at >= 0) this.#kept.splice(at, 1);
      socket.destroy();
    };
    const closed = (): void => {
      drop();
      // Closed by the other side: it does not want idle connections, so they are not renewed at once.
      this.#wait();
    };
    const cancel = this.clock.after(LIFE_MS, () => {
      drop();
      this.#fill();
    });
    const events = ['end', 'close', 'error'] as const;
    for (const event of events) socket.once(event, closed);
    const kept: Kept = {
      socket,
      release: () => {
        cancel();
        for (const event of events) socket.off(event, closed);
      },
    };
    socket.unref();
    this.#kept.push(kept);
  }

  #wait(): void {
    if (!this.#isOn || this.#pause !== undefined) return;
    this.#pause = this.clock.after(this.#pauseMs, () => {
      this.#pause = undefined;
      this.#fill();
    });
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }
}
