import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Recorded } from './recorded-exchanges.js';
import { bodyOf } from './recorded-exchanges.js';

/** Where and how a stream breaks. */
export interface Tear {
  readonly recorded: Recorded;
  /** `cut`: the socket is destroyed; `stall`: nothing comes any more. */
  readonly mode: 'cut' | 'stall';
  /** Bytes of the body that come before. */
  readonly afterBytes: number;
}

/** The name under which a tear is asked for: it stands where a vendor's API has the model. */
export const tearName = ({ recorded, mode, afterBytes }: Tear): string =>
  `${recorded.id}-${mode}-${String(afterBytes)}`;

/** Plays recorded streams that break at a byte, for the first request of each name; whoever asks again gets the whole stream, as
 *  from a second, healthy partner. */
export class TornUpstream {
  readonly #server: Server;
  readonly #tears: ReadonlyMap<string, Tear>;
  readonly #torn = new Set<string>();

  constructor(tears: readonly Tear[]) {
    this.#tears = new Map(tears.map((tear) => [tearName(tear), tear]));
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      // A probe of the gateway.
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":[]}');
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { model } = JSON.parse(Buffer.concat(parts).toString()) as { readonly model?: string };
    const segments = decodeURIComponent(request.url ?? '').split(/[/:?]/);
    const name = model ?? segments.find((segment) => this.#tears.has(segment)) ?? '';
    const tear = this.#tears.get(name);
    if (tear === undefined) {
      response.writeHead(404).end();
      return;
    }
    const body = bodyOf(tear.recorded);
    response.writeHead(200, tear.recorded.response.headers);
    if (this.#torn.has(name)) {
      response.end(body);
      return;
    }
    this.#torn.add(name);
    response.flushHeaders();
    if (tear.afterBytes > 0) response.write(body.subarray(0, tear.afterBytes));
    // The bytes before the tear leave in a packet of their own, so that they are read before the end is.
    if (tear.mode === 'cut') setTimeout(() => response.destroy(), 5);
  }
}
