import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the upstream saw of one request. */
export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

/** How one request is answered. */
export type Script = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** A partner that does what the test says, over real HTTP on 127.0.0.1. Scripts are used up in order; then the standard one
 *  answers. */
export class ScriptedUpstream {
  readonly seen: SeenRequest[] = [];
  readonly #scripts: Script[] = [];
  readonly #server: Server;

  constructor(private readonly standard: Script = answerChat()) {
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  /** Base URL once {@link start} resolved. */
  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/v1`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) =>
      this.#server.close(() => {
        resolve();
      }),
    );
  }

  /** Answers the next requests with these scripts. */
  next(...scripts: readonly Script[]): void {
    this.#scripts.push(...scripts);
  }

  /** Drops scripts that nobody used. */
  forget(): void {
    this.#scripts.length = 0;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString('utf8');
    const seen = {
      path: request.url ?? '/',
      headers: request.headers,
      body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
    };
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json');
      response.end('{"object":"list","data":[]}');
      return;
    }
    this.seen.push(seen);
    const script = this.#scripts.shift() ?? this.standard;
    await script(seen, response);
  }
}

/** Usage of the standard answer. */
export const STANDARD_USAGE = { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 };

function chunkOf(delta: unknown, finish: string | null): Record<string, unknown> {
  return {
    id: 'chatcmpl-up',
    object: 'chat.completion.chunk',
    created: 1_764_000_000,
    model: 'up-1',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  };
}

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** Events of a good streamed answer: role, one per word, finish, usage, `[DONE]`. */
export function chatEvents(
  words: readonly string[] = ['Hello', ' there', '.'],
  usage: unknown = STANDARD_USAGE,
): string[] {
  return [
    event(chunkOf({ role: 'assistant', content: '' }, null)),
    ...words.map((content) => event(chunkOf({ content }, null))),
    event(chunkOf({}, 'stop')),
    event({ ...chunkOf({}, null), choices: [], usage }),
    'data: [DONE]\n\n',
  ];
}

/** Answers a chat call well, streamed. */
export function answerChat(words?: readonly string[], usage?: unknown): Script {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(chatEvents(words, usage).join(''));
  };
}

/** Answers with a status and a body. */
export function answerStatus(status: number, body: unknown, headers: Record<string, string> = {}): Script {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

/** Sends some events of a good answer and then destroys the socket. */
export function cutAfter(events: number): Script {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const text of chatEvents().slice(0, events)) response.write(text);
    setTimeout(() => response.socket?.destroy(), 20);
  };
}

/** Ends cleanly in the middle: no finish, no `[DONE]`. */
export function truncateAfter(events: number): Script {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(chatEvents().slice(0, events).join(''));
  };
}

/** Destroys the socket before a byte. */
export const reset: Script = (_request, response) => {
  response.socket?.destroy();
};

/** Sends some events and then stays silent with the socket open. */
export function stallAfter(events: number): Script {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const text of chatEvents().slice(0, events)) response.write(text);
  };
}
