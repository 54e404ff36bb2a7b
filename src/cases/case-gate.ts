import { Injectable } from '@nestjs/common';

import type { Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Actor } from '../identity/index.js';
import { mayRead, mayWrite } from './domain/case-access.js';
import type { Investigation } from './domain/case-entries.js';
import { InvestigationsRepository } from './persistence/investigations.repository.js';

/** Finds investigations for those who may have them. What is not theirs does not exist for them. */
@Injectable()
export class CaseGate {
  constructor(private readonly investigations: InvestigationsRepository) {}

  /** @throws AppError not_found — also: not yours */
  async readable(tx: Tx, actor: Actor, idOrRef: string): Promise<Investigation> {
    const investigation = await this.investigations.find(tx, actor.orgId, idOrRef);
    if (investigation === undefined) throw noInvestigation();
    if (actor.kind === 'system') return investigation;
    const isMember = await this.investigations.isMember(tx, investigation.id, actor.userId);
    if (!mayRead(actor, { ...investigation, isMember })) throw noInvestigation();
    return investigation;
  }

  /** Locked until the transaction ends. @throws AppError not_found — also: not yours; insufficient_scope — yours to read only */
  async writable(tx: Tx, actor: Actor, idOrRef: string): Promise<Investigation> {
    const investigation = await this.investigations.find(tx, actor.orgId, idOrRef, { lock: true });
    if (investigation === undefined) throw noInvestigation();
    if (actor.kind === 'system' || mayWrite(actor, investigation)) return investigation;
    const isMember = await this.investigations.isMember(tx, investigation.id, actor.userId);
    if (!mayRead(actor, { ...investigation, isMember })) throw noInvestigation();
    throw new AppError('insufficient_scope', 'You may read this investigation but not change it. Ask its team lead.');
  }
}

function noInvestigation(): AppError {
  return new AppError('not_found', 'There is no such investigation, or you may not see it.');
}
