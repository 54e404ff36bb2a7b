import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';

import { OverrideUses } from '../override-uses.js';
import { OverridesService } from '../overrides.service.js';

const EXPIRE_EVERY_MS = 30_000;
const FLUSH_EVERY_MS = 2_000;

/** Records what time did to overrides, and who used them. Several replicas share the work row by row. */
@Injectable()
export class OverridesJob {
  constructor(
    private readonly overrides: OverridesService,
    private readonly uses: OverrideUses,
  ) {}

  @Interval(EXPIRE_EVERY_MS)
  async expire(): Promise<void> {
    // A database that is away changes nothing: an override that ran out is out by time alone.
    await this.overrides.expireDue().catch(() => 0);
  }

  @Interval(FLUSH_EVERY_MS)
  async flushUses(): Promise<void> {
    // What cannot be written now waits for the next run.
    await this.uses.flush().catch(() => 0);
  }
}
