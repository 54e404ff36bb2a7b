import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import type { Tx } from '../platform/database/index.js';
import { newId } from '../platform/ids/index.js';
import { OutboxRepository } from '../platform/outbox/index.js';
import type { Actor } from '../identity/index.js';
import type { Document, Investigation } from './domain/case-entries.js';

/** What changed; `before` is absent for a new object. */
export type CaseChange = {
  readonly before?: object;
  readonly after?: object & { readonly id: string };
  readonly addedMembers?: readonly string[];
  readonly removedMember?: string;
  readonly addedDocument?: string;
  readonly removedDocument?: string;
} & (
  | { readonly object: 'investigation'; readonly investigation: Investigation }
  | {
      readonly object: 'operation' | 'purpose' | 'document';
      readonly investigation: Investigation | null;
      readonly after: object & { readonly id: string };
    }
);

@Injectable()
export class CaseChanges {
  constructor(
    private readonly outbox: OutboxRepository,
    private readonly clock: Clock,
  ) {}

  record(_tx: Tx, _actor: Actor, _change: CaseChange): Promise<void> {
    return Promise.resolve();
  }

  recordConsultation(_tx: Tx, _actor: Actor, _document: Document): Promise<void> {
    return Promise.resolve();
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
