import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What becomes of an answer after so many of its bytes have passed:
 *  - `reset`: RST to the caller; `close`: FIN, and the caller may go on sending;
 *  - `silence`: the socket stays open, nothing more comes; `say`: these bytes instead of the rest, then FIN;
 *  - `dribble`: the rest in pieces of a few bytes. */
export type TcpFault = {
  /** 0: the request does not even reach the other side. */
  readonly afterBytes: number;
  /** Only requests on a connection that has answered before. */
  readonly onlyReused?: boolean;
} & (
  | { readonly then: 'reset' | 'close' | 'silence' }
  | { readonly then: 'say'; readonly bytes: Uint8Array }
  | { readonly then: 'dribble'; readonly pieceBytes: number }
);

/** What happens to a connection before a byte was sent. */
export type ConnectFault = 'reset' | 'silence';

/** A TCP connection to a server on 127.0.0.1 that goes wrong as the test says. It knows nothing of HTTP: a request is whatever the
 *  caller sends after an answer. */
export class FaultyProxy {
  /** For requests that begin from now on. */
  fault: TcpFault | undefined;
  /** For connections that are made from now on. */
  connectFault: ConnectFault | undefined;
  /** Requests and connections that met a fault. */
  met = 0;
  /** Bytes of the last answer, as far as it has come. */
  answered = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(private readonly target: () => number) {
    this.#server = createServer({ allowHalfOpen: true }, (caller) => {
      this.#accept(caller);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sockets that are open, on both sides. */
  get open(): number {
    return this.#sockets.size;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** Refuses connections from now on and resets those that are open. */
  async stop(): Promise<void> {
    this.drop();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  /** Back to a connection without faults. */
  heal(): void {
    this.fault = undefined;
    this.connectFault = undefined;
  }

  /** Resets all open connections. */
  drop(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #accept(caller: Socket): void {
    this.#track(caller);
    if (this.connectFault !== undefined) {
      this.met += 1;
      if (this.connectFault === 'reset') caller.resetAndDestroy();
      else caller.pause();
      return;
    }
    new ProxiedConnection(this, caller, () => this.#track(connect(this.target(), '127.0.0.1')));
  }

  #track(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/** One connection and its counterpart. */
class ProxiedConnection {
  #server: Socket | undefined;
  #fault: TcpFault | undefined;
  #passed = 0;
  #isAnswering = true;
  #answers = 0;
  #isOver = false;

  constructor(
    private readonly proxy: FaultyProxy,
    private readonly caller: Socket,
    private readonly open: () => Socket,
  ) {
    caller.on('data', (bytes: Buffer) => {
      this.#ask(bytes);
    });
    caller.on('end', () => this.#server?.end());
    caller.on('close', () => this.#server?.destroy());
  }

  #ask(bytes: Buffer): void {
    if (this.#isOver) return;
    if (this.#isAnswering) this.#begin();
    if (this.#fault?.afterBytes === 0 && this.#fault.then !== 'dribble') {
      this.#strike(this.#fault);
      return;
    }
    this.#server ??= this.#connected();
    this.#server.write(bytes);
  }

  /** The first bytes after an answer are a new request. */
  #begin(): void {
    const { fault } = this.proxy;
    this.#isAnswering = false;
    this.#passed = 0;
    this.#fault = fault?.onlyReused === true && this.#answers === 0 ? undefined : fault;
    if (this.#fault !== undefined) this.proxy.met += 1;
  }

  #connected(): Socket {
    const server = this.open();
    server.on('data', (bytes: Buffer) => {
      this.#answer(bytes);
    });
    server.on('end', () => {
      if (!this.#isOver) this.caller.end();
    });
    server.on('close', () => {
      if (!this.#isOver) this.caller.end();
    });
    return server;
  }

  #answer(bytes: Buffer): void {
    if (this.#isOver) return;
    if (!this.#isAnswering) this.#answers += 1;
    this.#isAnswering = true;
    const fault = this.#fault;
    const rest = fault === undefined ? bytes.length : Math.max(0, fault.afterBytes - this.#passed);
    const now = bytes.subarray(0, rest);
    this.#passed += now.length;
    this.proxy.answered = this.#passed;
    this.caller.write(now);
    if (fault === undefined || now.length === bytes.length) return;
    if (fault.then === 'dribble') this.#dribble(bytes.subarray(rest), fault.pieceBytes);
    else this.#strike(fault);
  }

  #dribble(bytes: Buffer, pieceBytes: number): void {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      setImmediate(() => this.caller.write(piece));
    }
  }

  #strike(fault: Exclude<TcpFault, { readonly then: 'dribble' }>): void {
    this.#isOver = true;
    this.#server?.destroy();
    if (fault.then === 'close') this.caller.end();
    // Bytes that were written just before are out when the timer fires; a reset drops what is not.
    else if (fault.then === 'reset') setTimeout(() => this.caller.resetAndDestroy(), 5);
    else if (fault.then === 'say') this.caller.end(fault.bytes);
  }
}
