import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import { OutboxRepository } from '../platform/outbox/index.js';

/** Where an import leaves its traces. */
@Injectable()
export class PriceImportSurroundings {
  constructor(
    readonly audit: AuditService,
    readonly outbox: OutboxRepository,
  ) {}
}
