import { Injectable } from '@nestjs/common';

import { AuditConfig } from '../../platform/config/index.js';
import { GroupCommits, type GroupCommit } from '../../platform/database/index.js';
import { Metrics } from '../../platform/telemetry/index.js';
import type { SettlementFlush } from './settlement-flush.js';
import type { SettlementItem, SettlementOutcome } from './settlement-item.js';

/** Makes the ledger queue of this process with the durability that is configured. */
@Injectable()
export class SettlementQueues {
  constructor(
    private readonly commits: GroupCommits,
    private readonly config: AuditConfig,
    private readonly metrics: Metrics,
  ) {}

  make(flush: SettlementFlush): GroupCommit<SettlementItem, SettlementOutcome> {
    return this.commits.make(flush, {
      durability: this.config.durability,
      measure: (items, seconds) => {
        this.metrics.groupCommitItems.observe(items);
        this.metrics.groupCommitSeconds.observe(seconds);
      },
    });
  }
}
