import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { GatewayConfig } from '../config/index.js';
import { UnitOfWork } from '../database/index.js';
import { newId } from '../ids/index.js';
import { ReplicaRepository } from './persistence/replica.repository.js';

/** Another process serves this database, and limits kept in memory would be twice too generous. */
export class SecondReplicaError extends Error {
  override readonly name = 'SecondReplicaError';
}

/** Who this process is among the replicas of its database. */
@Injectable()
export class ReplicaService {
  readonly id = newId();
  readonly bootId = newId();
  #alone = false;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly replicas: ReplicaRepository,
    private readonly clock: Clock,
    private readonly config: GatewayConfig,
  ) {}

  /** True when no other process can serve this database: whatever it left open may be closed at once. */
  get alone(): boolean {
    return this.#alone;
  }

  /** Registers the replica. @throws SecondReplicaError when another one runs and limits are per process */
  async register(): Promise<void> {
    this.#alone = await this.replicas.tryLock();
    if (!this.#alone && !this.config.allowLocalLimits) {
      throw new SecondReplicaError(
        'Another replica serves this database. Rates would be limited per process: stop it, or set AIP_ALLOW_LOCAL_LIMITS=1 to accept that.',
      );
    }
    await this.unitOfWork.run((tx) =>
      this.replicas.insert(tx, { id: this.id, bootId: this.bootId, atMs: this.clock.nowMs() }),
    );
  }
}
