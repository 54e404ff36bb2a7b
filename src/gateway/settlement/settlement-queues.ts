import { Injectable } from '@nestjs/common';

import { AuditConfig } from '../../platform/config/index.js';
import { GroupCommits, type GroupCommit } from '../../platform/database/index.js';
import type { SettlementFlush } from './settlement-flush.js';
import type { SettlementItem, SettlementOutcome } from './settlement-item.js';

/** Makes the ledger queue of this process with the durability that is configured. */
@Injectable()
export class SettlementQueues {
  constructor(
    private readonly commits: GroupCommits,
    private readonly config: AuditConfig,
  ) {}

  make(flush: SettlementFlush): GroupCommit<SettlementItem, SettlementOutcome> {
    return this.commits.make(flush, this.config.durability);
  }
}
