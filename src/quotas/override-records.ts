import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import type { Tx } from '../platform/database/index.js';
import { newId } from '../platform/ids/index.js';
import { OutboxRepository, type EventType } from '../platform/outbox/index.js';
import type { Principal } from '../platform/security/index.js';
import type { Override } from './domain/override.js';

/** Steps in the life of an override that leave a record. */
export type OverrideEvent = 'requested' | 'approved' | 'denied' | 'revoked' | 'expired' | 'used';

/** What happened, by whom (null: by time) and when. */
export interface OverrideStepFacts {
  readonly event: OverrideEvent;
  readonly principal: Principal | null;
  readonly atMs: number;
  readonly requestId?: string | null;
}

const NOTICE_OF: Readonly<Record<OverrideEvent, EventType | null>> = {
  requested: 'quota.override.requested',
  approved: 'quota.override.approved',
  denied: 'quota.override.denied',
  revoked: 'quota.override.expired',
  expired: 'quota.override.expired',
  used: 'quota.override.used',
};

/** Leaves an audit record and a notice for each step, in the step's own transaction. */
@Injectable()
export class OverrideRecords {
  constructor(
    private readonly audit: AuditService,
    private readonly outbox: OutboxRepository,
  ) {}

  async write(tx: Tx, override: Override, facts: OverrideStepFacts): Promise<void> {
    await this.audit.record(tx, {
      type: `override.${facts.event}`,
      principal: facts.principal,
      orgId: override.orgId,
      object: { kind: 'override', id: override.id, version: override.version },
      fields: facts.event === 'requested' ? ['subject', 'limits', 'expiresAt', 'state'] : ['state'],
      ...(facts.event === 'requested' ? { reason: override.reason } : {}),
    });
    const type = NOTICE_OF[facts.event];
    if (type === null) return;
    await this.outbox.insert(tx, [
      {
        id: newId(),
        orgId: override.orgId,
        type,
        atMs: facts.atMs,
        data: {
          overrideId: override.id,
          state: override.state,
          subject: override.subject,
          expiresAt: new Date(override.expiresAtMs).toISOString(),
          ...(typeof facts.requestId === 'string' ? { requestId: facts.requestId } : {}),
        },
      },
    ]);
  }
}
