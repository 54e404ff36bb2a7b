import { Injectable } from '@nestjs/common';

import { SIMULATED_HOST } from './domain/base-url.js';

/** What a connection to one of our own ports meets on its way. `dns`: its name does not exist; `tls`: the handshake fails. */
export type WayFault = 'dns' | 'tls';

/** Asked once for every new connection to a port. */
export type WayFaults = () => WayFault | undefined;

const NO_FAULTS: WayFaults = () => undefined;

/** The ports on 127.0.0.1 that this process itself listens on for simulated partners. Nothing else on the machine can be
 *  reached by a provider whose network is `simulated`. */
@Injectable()
export class SimulatedOrigins {
  readonly #ports = new Map<number, WayFaults>();

  /** Opens a port of our own; the returned function closes it again. `faults` says what new connections to it meet.
   *  @throws RangeError when `origin` is not `http://127.0.0.1:<port>` */
  register(origin: string, faults: WayFaults = NO_FAULTS): () => void {
    const port = /^http:\/\/127\.0\.0\.1:(\d{1,5})$/.exec(origin)?.[1];
    if (port === undefined) throw new RangeError('A simulated origin is http://127.0.0.1:<port>');
    this.#ports.set(Number(port), faults);
    return () => {
      this.#ports.delete(Number(port));
    };
  }

  /** Where a simulated provider's host and port lead in this process: a registered port, or `undefined`. The host
   *  `simulated.invalid` stands for the port registered last. */
  resolve(host: string, port: string): number | undefined {
    if (host === SIMULATED_HOST) return [...this.#ports.keys()].at(-1);
    const number = Number(port);
    return host === '127.0.0.1' && this.#ports.has(number) ? number : undefined;
  }

  /** What a new connection to a registered port meets. */
  faultOf(port: number): WayFault | undefined {
    return this.#ports.get(port)?.();
  }
}
