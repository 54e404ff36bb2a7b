import { Injectable } from '@nestjs/common';

import { AuditService, type JsonValue } from '../audit/index.js';
import { Clock } from '../platform/clock/index.js';
import type { Tx } from '../platform/database/index.js';
import type { AppError } from '../platform/errors/index.js';
import { newId } from '../platform/ids/index.js';
import { OutboxRepository } from '../platform/outbox/index.js';
import type { Principal } from '../platform/security/index.js';
import { ModelReferences } from './model-references.js';

const STATE_CHANGED = 'provider.state.changed';

/** A change of a provider, deployment or credential. */
export interface ProviderChange {
  readonly kind: 'provider' | 'deployment' | 'credential';
  readonly id: string;
  readonly version: number;
  readonly fields: readonly string[];
  /** State it is in now, for those who watch. */
  readonly state?: string;
  readonly old?: JsonValue;
  readonly new?: JsonValue;
}

/** Leaves an audit record and, where a state moved, a notice, in the transaction of the change; refuses changes that break others. */
@Injectable()
export class ProviderChanges {
  constructor(
    private readonly audit: AuditService,
    private readonly outbox: OutboxRepository,
    private readonly references: ModelReferences,
    private readonly clock: Clock,
  ) {}

  /** The refusal to take away the last deployment of these models. */
  refuseLast(tx: Tx, models: readonly string[]): Promise<AppError> {
    return this.references.lastDeployment(tx, models);
  }

  async write(tx: Tx, principal: Principal, change: ProviderChange): Promise<void> {
    await this.#write(tx, { principal, orgId: principal.orgId }, change);
  }

  /** Records that what somebody began has come to its end; in the log of the organisation that began it. Without effect on the log
   *  when no notice tells any more who that was. */
  async finish(tx: Tx, change: ProviderChange): Promise<void> {
    const orgId = await this.outbox.findOrganisation(tx, STATE_CHANGED, { kind: change.kind, id: change.id });
    if (orgId !== undefined) await this.#write(tx, { principal: null, orgId }, change);
  }

  async #write(
    tx: Tx,
    { principal, orgId }: { readonly principal: Principal | null; readonly orgId: string },
    change: ProviderChange,
  ): Promise<void> {
    const { kind, id, version, fields, state } = change;
    await this.audit.record(tx, {
      type: 'provider.change',
      principal,
      orgId,
      object: { kind, id, version },
      fields,
      ...(change.old === undefined ? {} : { old: change.old }),
      ...(change.new === undefined ? {} : { new: change.new }),
    });
    if (state === undefined) return;
    await this.outbox.insert(tx, [
      {
        id: newId(),
        orgId,
        type: STATE_CHANGED,
        atMs: this.clock.nowMs(),
        data: { kind, id, state },
      },
    ]);
  }
}
