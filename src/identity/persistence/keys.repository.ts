import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';

import { managerOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { StoredKey, VirtualKey } from '../domain/directory-entries.js';
import { UserEntity } from './user.entity.js';
import { VirtualKeyEntity } from './virtual-key.entity.js';

/** Which keys a list shows: one user's, a team's, or all of the organisation. */
export interface KeyFilter {
  readonly orgId: string;
  /** `null`: every user's. */
  readonly visible: { readonly userId: string; readonly teamId: string | null } | null;
  readonly userId?: string | undefined;
}

/** Virtual keys. */
@Injectable()
export class KeysRepository {
  async insert(tx: Tx, key: StoredKey & { readonly demo: boolean }): Promise<void> {
    const { expiresAtMs, revokedAtMs, createdAtMs, scopes, models, cidrs, ...columns } = key;
    await managerOf(tx).insert(VirtualKeyEntity, {
      ...columns,
      scopes: [...scopes],
      models: models === null ? null : [...models],
      cidrs: cidrs === null ? null : [...cidrs],
      expiresAt: new Date(expiresAtMs),
      revokedAt: revokedAtMs === null ? null : new Date(revokedAtMs),
      createdAt: new Date(createdAtMs),
    });
  }

  async find(tx: Tx, orgId: string, id: string): Promise<VirtualKey | undefined> {
    const row = await managerOf(tx).findOneBy(VirtualKeyEntity, { id, orgId });
    return row === null ? undefined : keyFrom(row);
  }

  /** Revokes a key; returns false when it already was. */
  async revoke(tx: Tx, id: string, atMs: number): Promise<boolean> {
    const { affected } = await managerOf(tx).update(
      VirtualKeyEntity,
      { id, revokedAt: IsNull() },
      { revokedAt: new Date(atMs) },
    );
    return affected === 1;
  }

  /** Every key that was not revoked, for the snapshot. Expired ones too: a snapshot must not depend on the time it was read.
   *  Ordered by id. */
  async findUnrevoked(tx: Tx): Promise<readonly StoredKey[]> {
    const rows = await managerOf(tx).find(VirtualKeyEntity, { where: { revokedAt: IsNull() }, order: { id: 'ASC' } });
    return rows.map((row) => ({ ...keyFrom(row), secretSha256: row.secretSha256 }));
  }

  /** Keys that match, revoked ones included, in the order of creation. */
  async findAfter(
    tx: Tx,
    filter: KeyFilter,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly VirtualKey[]> {
    const query = managerOf(tx)
      .createQueryBuilder(VirtualKeyEntity, 'key')
      .where('key.org_id = :orgId', { orgId: filter.orgId });
    if (filter.userId !== undefined) query.andWhere('key.user_id = :userId', { userId: filter.userId });
    if (filter.visible !== null) {
      const { userId, teamId } = filter.visible;
      const team = query
        .subQuery()
        .select('app_user.id')
        .from(UserEntity, 'app_user')
        .where('app_user.team_id = :team');
      query.andWhere(`(key.user_id = :self OR key.user_id IN ${team.getQuery()})`, { self: userId, team: teamId });
    }
    if (page.after !== undefined) {
      query.andWhere('(key.created_at, key.id) > (:at, :id)', {
        at: new Date(Number(page.after.key)),
        id: page.after.id,
      });
    }
    const rows = await query.orderBy('key.createdAt').addOrderBy('key.id').limit(page.limit).getMany();
    return rows.map(keyFrom);
  }
}

function keyFrom(row: VirtualKeyEntity): VirtualKey {
  const { id, orgId, publicId, live, name, userId, scopes, models, cidrs } = row;
  const { maxCriticality, maxTier, defaultInvestigationId, batch, createdBy } = row;
  return {
    id,
    orgId,
    publicId,
    live,
    name,
    userId,
    scopes,
    models,
    cidrs,
    maxCriticality,
    maxTier,
    defaultInvestigationId,
    batch,
    createdBy,
    expiresAtMs: row.expiresAt.getTime(),
    revokedAtMs: row.revokedAt?.getTime() ?? null,
    createdAtMs: row.createdAt.getTime(),
  };
}
