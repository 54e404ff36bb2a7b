import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type QueryRunner } from 'typeorm';

import { rowsOf, type Tx } from '../../database/unit-of-work.js';

/** Advisory lock that the only replica of an installation without a shared store holds. */
const SINGLE_REPLICA_LOCK = 4_242_003;

/** Rows of replica, and the lock that keeps a second one away. */
@Injectable()
export class ReplicaRepository implements OnApplicationShutdown {
  #holder: QueryRunner | undefined;

  constructor(private readonly dataSource: DataSource) {}

  /** Takes the lock for as long as this process and its connection live; false when another process has it. */
  async tryLock(): Promise<boolean> {
    const holder = this.dataSource.createQueryRunner();
    const client = (await holder.connect()) as { on(event: 'error', listener: () => void): void };
    client.on('error', () => undefined);
    const [row] = (await holder.query('SELECT pg_try_advisory_lock($1) AS held', [SINGLE_REPLICA_LOCK])) as {
      held: boolean;
    }[];
    if (row?.held !== true) {
      await holder.release();
      return false;
    }
    this.#holder = holder;
    return true;
  }

  async onApplicationShutdown(): Promise<void> {
    const holder = this.#holder;
    this.#holder = undefined;
    await holder?.query('SELECT pg_advisory_unlock($1)', [SINGLE_REPLICA_LOCK]).catch(() => undefined);
    await holder?.release().catch(() => undefined);
  }

  /** Notes that a replica started. */
  async insert(
    tx: Tx,
    replica: { readonly id: string; readonly bootId: string; readonly atMs: number },
  ): Promise<void> {
    const at = new Date(replica.atMs);
    await rowsOf(tx, { text: 'INSERT INTO replica (id, boot_id, started_at, seen_at) VALUES ($1, $2, $3, $3)' }, [
      replica.id,
      replica.bootId,
      at,
    ]);
  }
}
