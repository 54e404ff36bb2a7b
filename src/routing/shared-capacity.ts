import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { SharedStore } from '../platform/redis/index.js';
import { newId } from '../platform/ids/index.js';
import { CapacityBoard } from './capacity-board.js';
import { laneName, SharedBreakers } from './shared-breakers.js';
import { SharedHeadroom } from './shared-headroom.js';

/** What replicas tell each other about partners. Without a store, or while it is away, each knows what it saw itself. */
@Injectable()
export class SharedCapacity implements OnApplicationShutdown {
  readonly #breakers: SharedBreakers;
  readonly #headroom: SharedHeadroom;

  constructor(
    private readonly store: SharedStore,
    board: CapacityBoard,
    clock: Clock,
  ) {
    const replicaId = newId();
    this.#breakers = new SharedBreakers(board, store, clock, replicaId);
    this.#headroom = new SharedHeadroom(board, store, clock, replicaId);
  }

  /** A store is configured and does not answer. */
  get isAway(): boolean {
    return this.store.state === 'away';
  }

  /** Whether this replica probes the lane in this round. */
  leaseProbe(deploymentId: string, credentialId: string | null, everyMs: number): Promise<boolean> {
    return this.#breakers.leaseProbe(laneName(deploymentId, credentialId), everyMs);
  }

  /** Tells the others what a probe found. */
  probed(deploymentId: string, credentialId: string | null, ok: boolean): void {
    this.#breakers.probed(laneName(deploymentId, credentialId), ok);
  }

  onApplicationShutdown(): void {
    this.#headroom.stop();
  }
}
