import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';

import { managerOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { Override, OverrideState } from '../domain/override.js';
import type { SubjectType } from '../domain/quota.js';
import { OverrideEntity } from './override.entity.js';

/** Upper bound of open overrides in one installation; the snapshot holds all of them. */
const MAX_OPEN = 10_000;
/** Overrides that one run of the expiry closes. */
const MAX_DUE = 500;

function fromRow(row: OverrideEntity): Override {
  return {
    id: row.id,
    orgId: row.orgId,
    subject: { type: row.subjectType as SubjectType, id: row.subjectId },
    limits: row.limits,
    reason: row.reason,
    incidentRef: row.incidentRef,
    state: row.state as OverrideState,
    requestedBy: row.requestedBy,
    requestedAtMs: row.requestedAt.getTime(),
    approvedBy: row.approvedBy,
    decidedAtMs: row.decidedAt?.getTime() ?? null,
    expiresAtMs: row.expiresAt.getTime(),
    version: row.version,
  };
}

function toRow(override: Override): OverrideEntity {
  return {
    id: override.id,
    orgId: override.orgId,
    subjectType: override.subject.type,
    subjectId: override.subject.id,
    limits: override.limits,
    reason: override.reason,
    incidentRef: override.incidentRef,
    state: override.state,
    requestedBy: override.requestedBy,
    requestedAt: new Date(override.requestedAtMs),
    approvedBy: override.approvedBy,
    decidedAt: override.decidedAtMs === null ? null : new Date(override.decidedAtMs),
    expiresAt: new Date(override.expiresAtMs),
    version: override.version,
  };
}

/** Overrides. Rows are kept: they say who went past which limit, and why. */
@Injectable()
export class OverrideRepository {
  /** Overrides that are in force or wait for a decision, of all organisations, by id. */
  async findOpen(tx: Tx): Promise<readonly Override[]> {
    const rows = await managerOf(tx).find(OverrideEntity, {
      where: { state: In(['REQUESTED', 'ACTIVE']) },
      order: { id: 'ASC' },
      take: MAX_OPEN,
    });
    return rows.map(fromRow);
  }

  /** How many overrides of an organisation are in force or wait. */
  async countOpen(tx: Tx, orgId: string): Promise<number> {
    return managerOf(tx).countBy(OverrideEntity, { orgId, state: In(['REQUESTED', 'ACTIVE']) });
  }

  /** Overrides of one organisation, newest first, after `after`; with `concerning`, only those that this user asked for or
   *  that serve this user. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number; readonly concerning: string | null },
  ): Promise<readonly Override[]> {
    const query = managerOf(tx)
      .createQueryBuilder(OverrideEntity, 'override')
      .where('override.orgId = :orgId', { orgId })
      .orderBy('override.id', 'DESC')
      .limit(page.limit);
    if (page.after !== undefined) query.andWhere('override.id < :id', { id: page.after.id });
    if (page.concerning !== null) {
      query.andWhere('(override.requestedBy = :user OR override.subjectId = :user)', { user: page.concerning });
    }
    return (await query.getMany()).map(fromRow);
  }

  async find(tx: Tx, orgId: string, id: string): Promise<Override | undefined> {
    const row = await managerOf(tx).findOneBy(OverrideEntity, { id, orgId });
    return row === null ? undefined : fromRow(row);
  }

  /** The override under a row lock. */
  async findForChange(tx: Tx, orgId: string, id: string): Promise<Override | undefined> {
    const row = await managerOf(tx).findOne(OverrideEntity, {
      where: { id, orgId },
      lock: { mode: 'pessimistic_write' },
    });
    return row === null ? undefined : fromRow(row);
  }

  /** Open overrides that ran out before `atMs`, locked; rows that another process holds are left to it. */
  async findDue(tx: Tx, atMs: number): Promise<readonly Override[]> {
    const rows = await managerOf(tx)
      .createQueryBuilder(OverrideEntity, 'override')
      .where(`override.state IN ('REQUESTED', 'ACTIVE') AND override.expiresAt <= :at`, { at: new Date(atMs) })
      .orderBy('override.id', 'ASC')
      .limit(MAX_DUE)
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked')
      .getMany();
    return rows.map(fromRow);
  }

  async insert(tx: Tx, override: Override): Promise<void> {
    await managerOf(tx).insert(OverrideEntity, toRow(override));
  }

  /** Writes the state after a step. */
  async update(tx: Tx, override: Override): Promise<void> {
    const { state, approvedBy, decidedAt, version } = toRow(override);
    await managerOf(tx).update(OverrideEntity, { id: override.id }, { state, approvedBy, decidedAt, version });
  }
}
