import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';

import { UnitOfWork } from '../platform/database/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { RoutingService } from '../routing/index.js';
import { LedgerProbe } from './persistence/ledger-probe.js';

const CHECK_MS = 2_000;

/** Answers whether a paid call could be admitted, recorded and routed right now. */
@Injectable()
export class Readiness {
  #started = false;
  #draining = false;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly unitOfWork: UnitOfWork,
    private readonly snapshots: ConfigSnapshots,
    private readonly routing: RoutingService,
    private readonly ledger: LedgerProbe,
  ) {}

  /** The start sequence is complete. */
  markStarted(): void {
    this.#started = true;
  }

  /** No new work from now on: load balancers turn away. */
  markDraining(): void {
    this.#draining = true;
  }

  get started(): boolean {
    return this.#started;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** The ledger and the evidence log accept writes. */
  async checkLedger(): Promise<HealthIndicatorResult<'ledger'>> {
    const indicator = this.indicators.check('ledger');
    if (!this.#started) return indicator.down('starting');
    if (this.#draining) return indicator.down('draining');
    try {
      await withTimeout(this.unitOfWork.run((tx) => this.ledger.write(tx)));
      return indicator.up();
    } catch {
      return indicator.down('the database does not accept writes');
    }
  }

  /** A complete configuration is loaded. */
  checkConfiguration(): HealthIndicatorResult<'configuration'> {
    const { version, hash } = this.snapshots.current();
    return this.indicators.check('configuration').up({ version, hash });
  }

  /** At least one deployment would take a call. */
  checkPartners(): HealthIndicatorResult<'partners'> {
    const indicator = this.indicators.check('partners');
    const capacity = this.routing.capacity();
    const able = capacity.filter(
      ({ breaker, state, lanes }) =>
        state === 'enabled' && breaker !== 'open' && lanes.some(({ isUsable }) => isUsable),
    ).length;
    const counts = { able, all: capacity.length };
    return able > 0 ? indicator.up(counts) : indicator.down(counts);
  }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('No answer in time'));
    }, CHECK_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
