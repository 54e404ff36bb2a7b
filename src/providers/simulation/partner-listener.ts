import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

import { type Clock } from '../../platform/clock/index.js';

import { type FaultBoard } from './faults.js';
import { type SimulatedPartnerName } from './partners.js';

const HOST = '127.0.0.1';
const RELISTEN_MS = 100;
const MAX_CONNECTIONS = 4_096;
const MAX_HEADER_BYTES = 32_768;

/** What a listener serves and watches. */
export interface ListenerOptions {
  readonly partner: SimulatedPartnerName;
  readonly clock: Clock;
  readonly faults: FaultBoard;
  readonly serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

/** The socket of one partner on 127.0.0.1. While an `outage` is in force nothing listens, so connections are refused and
 *  running ones are reset; afterwards the same port listens again. */
export class PartnerListener {
  #server: Server | null = null;
  #port = 0;
  #isStarted = false;
  #cancelRetry = (): void => undefined;

  constructor(private readonly options: ListenerOptions) {}

  /** Listens on a free port and returns the origin, such as `http://127.0.0.1:40123`. */
  async start(): Promise<string> {
    const server = this.#open(0);
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#isStarted = true;
    this.follow();
    return `http://${HOST}:${String(this.#port)}`;
  }

  /** Opens or closes the socket as the outages in force demand, and lets go of idle connections that a fault would not meet. */
  follow(): void {
    if (!this.#isStarted) return;
    const { faults, partner } = this.options;
    if (faults.isOut(partner)) this.#close();
    else if (this.#server === null) this.#reopen();
    else if (faults.isHardToReach(partner)) this.#server.closeIdleConnections();
  }

  /** Closes the socket and every connection; it stays closed. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    const server = this.#server;
    const closed =
      server === null
        ? Promise.resolve()
        : new Promise<void>((resolve) =>
            server.once('close', () => {
              resolve();
            }),
          );
    this.#close();
    await closed;
  }

  #open(port: number): Server {
    const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, noDelay: true }, (request, response) => {
      if (this.options.faults.isHardToReach(this.options.partner)) response.setHeader('connection', 'close');
      void this.options.serve(request, response);
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.keepAliveTimeout = 65_000;
    server.on('connection', (socket) => {
      if (this.options.faults.drawsForConnection(this.options.partner, 'reset:connect')) socket.resetAndDestroy();
    });
    server.listen(port, HOST);
    this.#server = server;
    return server;
  }

  #reopen(): void {
    const server = this.#open(this.#port);
    server.once('error', () => {
      // Somebody took the port meanwhile: the partner stays away until it is free again.
      if (this.#server === server) this.#server = null;
      this.#cancelRetry = this.options.clock.after(RELISTEN_MS, () => {
        this.follow();
      });
    });
  }

  #close(): void {
    this.#cancelRetry();
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = null;
  }
}
