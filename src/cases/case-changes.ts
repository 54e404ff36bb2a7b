import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import { callerOf, describeChange, type Actor } from '../identity/index.js';
import { Clock } from '../platform/clock/index.js';
import type { Tx } from '../platform/database/index.js';
import { newId } from '../platform/ids/index.js';
import { OutboxRepository } from '../platform/outbox/index.js';
import type { Document, Investigation } from './domain/case-entries.js';

/** An object of a case before and after; `before` is absent for a new one. */
export interface CaseChange {
  readonly object: 'investigation' | 'operation' | 'purpose' | 'document';
  /** The investigation it belongs to; `null`: none. */
  readonly investigation: Investigation | null;
  readonly before?: object;
  readonly after: object & { readonly id: string };
}

/** People or documents that came to an investigation or left it. */
export interface CaseMovement {
  readonly what: 'members' | 'documents';
  readonly added?: readonly string[];
  readonly removed?: readonly string[];
}

/** Leaves an audit record of each change and each reading, in its own transaction. Values become commitments. */
@Injectable()
export class CaseChanges {
  constructor(
    private readonly audit: AuditService,
    private readonly outbox: OutboxRepository,
    private readonly clock: Clock,
  ) {}

  /** An object was made or changed. */
  async record(tx: Tx, actor: Actor, change: CaseChange): Promise<void> {
    const { fields, old, new: current } = describeChange(change.before, change.after);
    const { version } = change.after as { version?: number };
    await this.audit.record(tx, {
      type: 'case.change',
      principal: callerOf(actor),
      orgId: actor.orgId,
      object: { kind: change.object, id: change.after.id, ...(version === undefined ? {} : { version }) },
      fields,
      old,
      new: current,
      caseId: change.investigation?.id ?? null,
    });
  }

  /** People or documents came or left; the investigation itself stays as it is. */
  async recordMovement(tx: Tx, actor: Actor, investigation: Investigation, movement: CaseMovement): Promise<void> {
    await this.audit.record(tx, {
      type: 'case.change',
      principal: callerOf(actor),
      orgId: actor.orgId,
      object: { kind: 'investigation', id: investigation.id, version: investigation.version },
      fields: [movement.what],
      old: { [movement.what]: [...(movement.removed ?? [])] },
      new: { [movement.what]: [...(movement.added ?? [])] },
      caseId: investigation.id,
    });
  }

  /** Someone reads the bytes of a document. */
  async recordConsultation(tx: Tx, actor: Actor, document: Document): Promise<void> {
    await this.audit.record(tx, {
      type: 'data.consult',
      principal: callerOf(actor),
      orgId: actor.orgId,
      object: { kind: 'document', id: document.id },
      fields: ['content'],
    });
  }

  /** Tells others that an investigation was closed. */
  async announceClosed(tx: Tx, investigation: Investigation): Promise<void> {
    await this.outbox.insert(tx, [
      {
        id: newId(),
        orgId: investigation.orgId,
        type: 'case.closed',
        atMs: this.clock.nowMs(),
        data: { investigationId: investigation.id },
      },
    ]);
  }
}
