import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import type { Tx } from '../platform/database/index.js';
import { callerOf, type Actor } from './actor.js';
import { describeChange } from './domain/describe-change.js';

/** An object of the directory before and after; `before` is absent for a new one. */
export interface AccessChange {
  readonly object: 'organisation' | 'team' | 'user' | 'key';
  readonly before?: object;
  readonly after: object & { readonly id: string };
}

/** Leaves an audit record of each change, in the change's own transaction. Values become commitments; a key's secret is in none. */
@Injectable()
export class AccessChanges {
  constructor(private readonly audit: AuditService) {}

  /** Opens the evidence log of an organisation that is about to be made. */
  async openLog(orgId: string): Promise<void> {
    await this.audit.ready(orgId);
  }

  async record(tx: Tx, actor: Actor, change: AccessChange): Promise<void> {
    const { fields, old, new: current } = describeChange(change.before, change.after);
    const { version } = change.after as { version?: number };
    await this.audit.record(tx, {
      type: 'access.change',
      principal: callerOf(actor),
      orgId: actor.orgId,
      object: { kind: change.object, id: change.after.id, ...(version === undefined ? {} : { version }) },
      fields,
      old,
      new: current,
    });
  }
}
