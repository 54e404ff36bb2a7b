import { hkdfSync } from 'node:crypto';

import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { DemoConfig, ProvidersConfig } from '../platform/config/index.js';
import { AppError } from '../platform/errors/index.js';
import { readSecret } from '../platform/secrets/index.js';
import { SIMULATED_PARTNERS, SimulatedOrigins, SimulatedPartners, type FaultBoard } from '../providers/index.js';

/** Faults on the way to a partner, where its own server does not see them. */
const WAY_FAULTS = ['dns', 'tls'] as const;

/** Runs the simulated partners inside this process. */
@Injectable()
export class SimulationService implements OnApplicationShutdown {
  #partners: SimulatedPartners | undefined;
  #closeOrigins: (() => void)[] = [];

  constructor(
    private readonly origins: SimulatedOrigins,
    private readonly clock: Clock,
    private readonly demo: DemoConfig,
    private readonly config: ProvidersConfig,
  ) {}

  /** Faults of the running partners. @throws AppError not_found — no simulated partner runs here */
  get faults(): FaultBoard {
    if (this.#partners === undefined) throw new AppError('not_found', 'No simulated partner runs in this process.');
    return this.#partners.faults;
  }

  /** What the partners expect to be presented: the same on every start of this installation. */
  credential(): string {
    const key = hkdfSync(
      'sha256',
      readSecret(this.config.encryptionKeyFile),
      Buffer.alloc(0),
      'aip simulated partners',
      24,
    );
    return `sim-${Buffer.from(key).toString('base64url')}`;
  }

  /** Starts the partners anew; base URLs by partner name. `realistic: false`: no delays, no limits, for the seed. */
  async start(realistic: boolean): Promise<Readonly<Record<string, string>>> {
    await this.#stop();
    const partners = new SimulatedPartners({
      seed: this.demo.seed,
      clock: this.clock,
      delays: realistic,
      limits: realistic,
      credential: this.credential(),
    });
    const { origins, baseUrls } = await partners.start();
    this.#partners = partners;
    const { faults } = partners;
    this.#closeOrigins = SIMULATED_PARTNERS.map(({ name }) =>
      this.origins.register(origins[name], () => WAY_FAULTS.find((kind) => faults.drawsForConnection(name, kind))),
    );
    return baseUrls;
  }

  onApplicationShutdown(): Promise<void> {
    return this.#stop();
  }

  async #stop(): Promise<void> {
    for (const close of this.#closeOrigins) close();
    this.#closeOrigins = [];
    const partners = this.#partners;
    this.#partners = undefined;
    await partners?.stop();
  }
}
