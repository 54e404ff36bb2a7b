import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';

import { AuditService } from '../audit/index.js';
import { MeteringService } from '../metering/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import { InjectLogger, type Logger } from '../platform/logging/index.js';
import { ReplicaService } from '../platform/replica/index.js';
import { GatewayUpkeep } from './gateway-upkeep.js';
import { SettlementService } from './settlement/settlement.service.js';

const HEARTBEAT_MS = 5_000;
const HOUSEKEEPING_MS = 3_600_000;

/** Starts and ends the gateway's part of a replica, and does its periodic work. */
@Injectable()
export class GatewayService {
  #running = false;
  #busy = false;

  constructor(
    private readonly audit: AuditService,
    private readonly metering: MeteringService,
    private readonly settlement: SettlementService,
    private readonly upkeep: GatewayUpkeep,
    private readonly unitOfWork: UnitOfWork,
    private readonly replica: ReplicaService,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** Makes the ledger's and the log's tables ready, opens the log of every organisation and ends what an earlier process left. */
  async start(): Promise<void> {
    await this.metering.ensureMonths();
    for (const { id } of this.upkeep.identity.directory().organisations()) await this.audit.ready(id);
    let ended: number;
    do ended = await this.upkeep.reconciler.run(this.replica.alone);
    while (ended > 0);
    this.#running = true;
  }

  /** Waits for running calls to end, at most `seconds`; then closes the lanes. New calls are refused by readiness and the listener. */
  async drain(seconds: number): Promise<void> {
    this.#running = false;
    const { clock, queue } = this.upkeep;
    queue.close();
    const untilMs = clock.monotonicMs() + seconds * 1000;
    while (this.settlement.openCalls > 0 && clock.monotonicMs() < untilMs) await clock.sleep(50);
    this.upkeep.refusals.flush();
    await this.settlement.close();
    await this.unitOfWork
      .run((tx) => this.audit.closeOwnLanes(tx))
      .catch((error: unknown) => {
        this.logger.warn({ event: 'lanes_left_open', detail: error instanceof Error ? error.message : '' });
      });
  }

  /** Keeps the leases, and ends calls nobody will end. */
  @Interval('gateway-heartbeat', HEARTBEAT_MS)
  async heartbeat(): Promise<void> {
    if (!this.#running || this.#busy) return;
    this.#busy = true;
    try {
      await this.unitOfWork.run((tx) => this.audit.heartbeat(tx));
      await this.upkeep.reconciler.run(false);
    } catch (error) {
      this.logger.warn({ event: 'heartbeat_failed', detail: error instanceof Error ? error.message : '' });
    } finally {
      this.#busy = false;
    }
  }

  /** Makes next month's tables and forgets expired answers. */
  @Interval('gateway-housekeeping', HOUSEKEEPING_MS)
  async housekeeping(): Promise<void> {
    if (!this.#running) return;
    try {
      await this.metering.ensureMonths();
      await this.audit.prepareMonths();
      const nowMs = this.upkeep.clock.nowMs();
      while ((await this.unitOfWork.run((tx) => this.upkeep.idempotency.deleteExpired(tx, nowMs))) > 0);
    } catch (error) {
      this.logger.warn({ event: 'housekeeping_failed', detail: error instanceof Error ? error.message : '' });
    }
  }
}
