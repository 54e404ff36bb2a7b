import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { once } from 'node:events';

/** One POST as it arrived. */
export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a receiver answers: a status with headers, or silence. */
export type Reply =
  { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string } | 'silence';

/** A receiver on 127.0.0.1 that keeps what it gets. */
export class Receiver {
  readonly arrivals: Arrival[] = [];
  reply: Reply = { status: 204 };
  readonly #server: Server;
  #url = '';

  constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        this.arrivals.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
        if (this.reply === 'silence') return;
        response.writeHead(this.reply.status, this.reply.headers ?? {});
        response.end(this.reply.body ?? '');
      });
    });
  }

  get url(): string {
    return this.#url;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as { port: number };
    this.#url = `http://127.0.0.1:${String(port)}/hook?from=aip`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** The newest arrival. */
  last(): Arrival {
    const arrival = this.arrivals.at(-1);
    if (arrival === undefined) throw new Error('Nothing arrived');
    return arrival;
  }

  /** Bodies as JSON, in the order of arrival. */
  messages(): { readonly type: string; readonly data: { readonly seq: number } }[] {
    return this.arrivals.map(({ body }) => JSON.parse(body) as { type: string; data: { seq: number } });
  }
}
