import { Injectable } from '@nestjs/common';

import { SIMULATED_HOST } from './domain/base-url.js';

/** The ports on 127.0.0.1 that this process itself listens on for simulated partners. Nothing else on the machine can be
 *  reached by a provider whose network is `simulated`. */
@Injectable()
export class SimulatedOrigins {
  readonly #ports = new Set<number>();

  /** Opens a port of our own; the returned function closes it again.
   *  @throws RangeError when `origin` is not `http://127.0.0.1:<port>` */
  register(origin: string): () => void {
    const port = /^http:\/\/127\.0\.0\.1:(\d{1,5})$/.exec(origin)?.[1];
    if (port === undefined) throw new RangeError('A simulated origin is http://127.0.0.1:<port>');
    this.#ports.add(Number(port));
    return () => {
      this.#ports.delete(Number(port));
    };
  }

  /** Where a simulated provider's host and port lead in this process: a registered port, or `undefined`. The host
   *  `simulated.invalid` stands for the port registered last. */
  resolve(host: string, port: string): number | undefined {
    if (host === SIMULATED_HOST) return [...this.#ports].at(-1);
    const number = Number(port);
    return host === '127.0.0.1' && this.#ports.has(number) ? number : undefined;
  }
}
