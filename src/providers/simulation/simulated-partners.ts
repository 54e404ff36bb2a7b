import { type Clock } from '../../platform/clock/index.js';

import { Bill, type BillLine } from './bill.js';
import { FaultBoard } from './faults.js';
import { MinuteLimits } from './minute-limits.js';
import { PartnerDesk } from './partner-desk.js';
import { PartnerListener } from './partner-listener.js';
import { type FaultTimings } from './partner-model.js';
import { SIMULATED_PARTNERS, type SimulatedPartnerName } from './partners.js';

/** How the simulation behaves. */
export interface SimulationOptions {
  /** Equal seeds give equal texts, token counts, delays and failures. */
  readonly seed: number;
  readonly clock: Clock;
  /** Off: answers come at once and no failures happen by themselves. */
  readonly delays: boolean;
  /** What callers must present as bearer token or `x-api-key`; make a new one per process. */
  readonly credential: string;
  /** Off: requests and tokens per minute are neither limited nor reported. Default on. */
  readonly limits?: boolean;
  readonly timings?: Partial<FaultTimings>;
}

/** Where each partner listens. */
export interface SimulationAddresses {
  /** Scheme, address and port: the only origins that `network: simulated` may open. */
  readonly origins: Readonly<Record<SimulatedPartnerName, string>>;
  /** What a provider row has as its base URL. */
  readonly baseUrls: Readonly<Record<SimulatedPartnerName, string>>;
}

const TIMINGS: FaultTimings = { slowHeadersMs: 30_000, dripMs: 1_000, stallMs: 600_000 };

/** Three made-up vendors behind real sockets on 127.0.0.1, one port each. Nothing they say leaves this machine, and every
 *  text they write begins with `[SIMULATED]`. */
export class SimulatedPartners {
  readonly faults: FaultBoard;
  readonly #parts: readonly { name: SimulatedPartnerName; basePath: string; bill: Bill; listener: PartnerListener }[];

  constructor(options: SimulationOptions) {
    const { clock, seed } = options;
    const faults = new FaultBoard(clock, seed);
    this.faults = faults;
    this.#parts = SIMULATED_PARTNERS.map((partner) => {
      const bill = new Bill();
      const limits = options.limits === false ? null : new MinuteLimits(partner.limits);
      const timings = { ...TIMINGS, ...options.timings };
      const context = { partner, seed, clock, hasDelays: options.delays, limits, faults, timings };
      const desk = new PartnerDesk(context, bill, options.credential);
      const listener = new PartnerListener({
        partner: partner.name,
        clock,
        faults,
        serve: async (request, response): Promise<void> => desk.handle(request, response),
      });
      faults.subscribe((changed) => {
        if (changed === partner.name) listener.follow();
      });
      return { name: partner.name, basePath: partner.basePath, bill, listener };
    });
  }

  /** Opens the three sockets; all of them listen when it resolves. */
  async start(): Promise<SimulationAddresses> {
    const found = await Promise.all(
      this.#parts.map(async ({ name, basePath, listener }) => ({ name, basePath, origin: await listener.start() })),
    );
    const record = (url: (part: (typeof found)[number]) => string): Record<SimulatedPartnerName, string> =>
      Object.fromEntries(found.map((part) => [part.name, url(part)])) as Record<SimulatedPartnerName, string>;
    return { origins: record(({ origin }) => origin), baseUrls: record(({ origin, basePath }) => origin + basePath) };
  }

  /** Closes sockets and connections and clears all faults. */
  async stop(): Promise<void> {
    await Promise.all(this.#parts.map(({ listener }) => listener.stop()));
    this.faults.clear();
  }

  /** What the partners charged, in the order the requests ended at each of them; at most 20 000 lines per partner. */
  bill(): readonly BillLine[] {
    return this.#parts.flatMap(({ bill }) => bill.lines());
  }
}
