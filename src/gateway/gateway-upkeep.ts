import { Injectable } from '@nestjs/common';

import { IdentityService } from '../identity/index.js';
import { Clock } from '../platform/clock/index.js';
import { CapacityQueue } from '../quotas/index.js';
import { IdempotencyRepository } from './persistence/idempotency.repository.js';
import { Reconciler } from './settlement/reconciler.js';
import { Refusals } from './settlement/refusals.js';

/** What the periodic work of the gateway touches. */
@Injectable()
export class GatewayUpkeep {
  constructor(
    readonly identity: IdentityService,
    readonly reconciler: Reconciler,
    readonly refusals: Refusals,
    readonly idempotency: IdempotencyRepository,
    readonly clock: Clock,
    readonly queue: CapacityQueue,
  ) {}
}
