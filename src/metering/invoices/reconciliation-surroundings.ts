import { Injectable } from '@nestjs/common';

import { AuditService } from '../../audit/index.js';
import { Clock } from '../../platform/clock/index.js';
import { OutboxRepository } from '../../platform/outbox/index.js';

/** What is around a reconciliation: time, evidence, notices. */
@Injectable()
export class ReconciliationSurroundings {
  constructor(
    readonly clock: Clock,
    readonly audit: AuditService,
    readonly outbox: OutboxRepository,
  ) {}
}
