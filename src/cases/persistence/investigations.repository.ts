import { Injectable } from '@nestjs/common';

import { managerOf, rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { isUuid } from '../../platform/ids/index.js';
import type { Investigation, Member } from '../domain/case-entries.js';
import { InvestigationMemberEntity } from './investigation-member.entity.js';
import { InvestigationEntity } from './investigation.entity.js';
import { viewerParameters, visibleInvestigation, type Viewer } from './visibility.js';

/** Filters of the list of investigations. */
export interface InvestigationFilter {
  readonly state?: Investigation['state'] | undefined;
  readonly teamId?: string | undefined;
  /** Only those this user is a member of. */
  readonly memberId?: string | undefined;
}

/** Investigations and their members. */
@Injectable()
export class InvestigationsRepository {
  /** Inserts unless the reference is taken; returns whether it did. Waits for a concurrent insert of the same reference. */
  async insertIfNew(tx: Tx, investigation: Investigation & { readonly demo: boolean }): Promise<boolean> {
    const rows = await rowsOf(
      tx,
      {
        text: `INSERT INTO investigation (id, org_id, external_ref, title, team_id, state, access, purpose_required,
                 created_by, demo, version, created_at, closed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL)
               ON CONFLICT (org_id, external_ref) DO NOTHING RETURNING id`,
      },
      [
        investigation.id,
        investigation.orgId,
        investigation.externalRef,
        investigation.title,
        investigation.teamId,
        investigation.state,
        investigation.access,
        investigation.purposeRequired,
        investigation.createdBy,
        investigation.demo,
        investigation.version,
        new Date(investigation.createdAtMs),
      ],
    );
    return rows.length === 1;
  }

  /** By id or external reference. `lock` keeps the row until the transaction ends. */
  async find(
    tx: Tx,
    orgId: string,
    idOrRef: string,
    options: { readonly lock?: boolean } = {},
  ): Promise<Investigation | undefined> {
    const row = await managerOf(tx).findOne(InvestigationEntity, {
      where: isUuid(idOrRef) ? { orgId, id: idOrRef } : { orgId, externalRef: idOrRef },
      ...(options.lock === true ? { lock: { mode: 'pessimistic_write' as const } } : {}),
    });
    return row === null ? undefined : investigationFrom(row);
  }

  async update(tx: Tx, investigation: Investigation): Promise<void> {
    const { id, title, teamId, state, access, purposeRequired, version, closedAtMs } = investigation;
    const closedAt = closedAtMs === null ? null : new Date(closedAtMs);
    await managerOf(tx).update(
      InvestigationEntity,
      { id },
      { title, teamId, state, access, purposeRequired, version, closedAt },
    );
  }

  /** Every open investigation, for the snapshot. Ordered by id. */
  async findOpen(tx: Tx): Promise<readonly Investigation[]> {
    const rows = await managerOf(tx).find(InvestigationEntity, { where: { state: 'open' }, order: { id: 'ASC' } });
    return rows.map(investigationFrom);
  }

  /** Investigations the viewer may read, in the order of creation. */
  async findVisibleAfter(
    tx: Tx,
    query: { readonly viewer: Viewer; readonly filter: InvestigationFilter },
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Investigation[]> {
    const { viewer, filter } = query;
    const builder = managerOf(tx)
      .createQueryBuilder(InvestigationEntity, 'investigation')
      .where(visibleInvestigation('investigation'), viewerParameters(viewer));
    if (filter.state !== undefined) builder.andWhere('investigation.state = :state', { state: filter.state });
    if (filter.teamId !== undefined) builder.andWhere('investigation.team_id = :teamId', { teamId: filter.teamId });
    if (filter.memberId !== undefined) {
      builder.andWhere(
        `EXISTS (SELECT FROM investigation_member AS chosen
                  WHERE chosen.investigation_id = investigation.id AND chosen.user_id = :memberId)`,
        { memberId: filter.memberId },
      );
    }
    if (page.after !== undefined) {
      builder.andWhere('(investigation.created_at, investigation.id) > (:at, :id)', {
        at: new Date(Number(page.after.key)),
        id: page.after.id,
      });
    }
    const rows = await builder
      .orderBy('investigation.createdAt')
      .addOrderBy('investigation.id')
      .limit(page.limit)
      .getMany();
    return rows.map(investigationFrom);
  }

  async isMember(tx: Tx, investigationId: string, userId: string): Promise<boolean> {
    return managerOf(tx).existsBy(InvestigationMemberEntity, { investigationId, userId });
  }

  /** Members in the order they were added. */
  async findMembers(tx: Tx, investigationId: string): Promise<readonly Member[]> {
    const rows = await managerOf(tx).find(InvestigationMemberEntity, {
      where: { investigationId },
      order: { addedAt: 'ASC', userId: 'ASC' },
    });
    return rows.map(memberFrom);
  }

  /** Members of all open investigations, for the snapshot. Ordered by investigation and user. */
  async findMembersOfOpen(tx: Tx): Promise<readonly Pick<Member, 'investigationId' | 'userId'>[]> {
    return rowsOf(tx, {
      text: `SELECT investigation_id AS "investigationId", user_id AS "userId"
               FROM investigation_member JOIN investigation ON investigation.id = investigation_id
              WHERE investigation.state = 'open' ORDER BY investigation_id, user_id`,
    });
  }

  /** Adds members that are not there yet; returns how many it added. */
  async addMembers(
    tx: Tx,
    investigation: Pick<Investigation, 'id' | 'orgId'>,
    members: { readonly userIds: readonly string[]; readonly addedBy: string | null; readonly atMs: number },
  ): Promise<number> {
    const rows = await rowsOf(
      tx,
      {
        text: `INSERT INTO investigation_member (investigation_id, user_id, org_id, added_by, added_at)
               SELECT $1, member, $2, $3, $4 FROM unnest($5::uuid[]) AS member
               ON CONFLICT DO NOTHING RETURNING user_id`,
      },
      [investigation.id, investigation.orgId, members.addedBy, new Date(members.atMs), members.userIds],
    );
    return rows.length;
  }

  /** Returns whether the user was a member. */
  async removeMember(tx: Tx, investigationId: string, userId: string): Promise<boolean> {
    const { affected } = await managerOf(tx).delete(InvestigationMemberEntity, { investigationId, userId });
    return affected === 1;
  }
}

function investigationFrom(row: InvestigationEntity): Investigation {
  const { id, orgId, externalRef, title, teamId, state, access, purposeRequired, createdBy, version } = row;
  return {
    id,
    orgId,
    externalRef,
    title,
    teamId,
    state,
    access,
    purposeRequired,
    createdBy,
    version,
    createdAtMs: row.createdAt.getTime(),
    closedAtMs: row.closedAt?.getTime() ?? null,
  };
}

function memberFrom({ investigationId, userId, addedBy, addedAt }: InvestigationMemberEntity): Member {
  return { investigationId, userId, addedBy, addedAtMs: addedAt.getTime() };
}
