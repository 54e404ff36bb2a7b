import { Injectable } from '@nestjs/common';

import { UnitOfWork } from '../platform/database/index.js';
import { OverrideRecords } from './override-records.js';
import { OverrideRepository } from './persistence/override.repository.js';

/** Uses that wait to be written; further ones are counted only. */
const MAX_WAITING = 2_000;
const MAX_PER_FLUSH = 200;

interface Use {
  readonly orgId: string;
  readonly overrideId: string;
  readonly requestId: string | null;
  readonly atMs: number;
}

/** Remembers which requests needed an override until a job writes them, one record per request and override.
 *  Rates are no money: when the database is away for long, the newest uses beyond the bound are dropped and counted. */
@Injectable()
export class OverrideUses {
  #waiting: Use[] = [];
  #dropped = 0;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly overrides: OverrideRepository,
    private readonly records: OverrideRecords,
  ) {}

  /** Notes that a request needed these overrides. */
  note(
    orgId: string,
    overrideIds: readonly string[],
    use: { readonly requestId: string | null; readonly atMs: number },
  ): void {
    for (const overrideId of overrideIds) {
      if (this.#waiting.length >= MAX_WAITING) this.#dropped += 1;
      else this.#waiting.push({ orgId, overrideId, ...use });
    }
  }

  /** Uses that were not recorded because too many waited, since the process started. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes what waits, at most 200; returns how many. What fails stays for the next run. */
  async flush(): Promise<number> {
    const batch = this.#waiting.slice(0, MAX_PER_FLUSH);
    if (batch.length === 0) return 0;
    await this.unitOfWork.run(async (tx) => {
      for (const use of batch) {
        const override = await this.overrides.find(tx, use.orgId, use.overrideId);
        if (override === undefined) continue;
        await this.records.write(tx, override, {
          event: 'used',
          principal: null,
          atMs: use.atMs,
          requestId: use.requestId,
        });
      }
    });
    this.#waiting = this.#waiting.slice(batch.length);
    return batch.length;
  }
}
