import { Injectable } from '@nestjs/common';

import { managerOf, rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import { DEFAULT_POLICY_BODY, type RoutePolicy } from '../domain/route-policy.js';
import { RoutePolicyEntity } from './route-policy.entity.js';

function fromRow(row: RoutePolicyEntity): RoutePolicy {
  return {
    id: row.id,
    orgId: row.orgId,
    name: row.name,
    version: row.version,
    active: row.active,
    // A member that a later release added is missing in older rows.
    body: { ...DEFAULT_POLICY_BODY, ...row.body },
    createdBy: row.createdBy,
    createdAtMs: row.createdAt.getTime(),
  };
}

/** Versions of routing policies. Bodies are never edited. */
@Injectable()
export class RoutePolicyRepository {
  /** The active version of every organisation, by organisation. */
  async findActive(tx: Tx): Promise<readonly RoutePolicy[]> {
    const rows = await managerOf(tx).find(RoutePolicyEntity, { where: { active: true }, order: { orgId: 'ASC' } });
    return rows.map(fromRow);
  }

  /** Versions of one organisation, newest first, after `after`. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly RoutePolicy[]> {
    const query = managerOf(tx)
      .createQueryBuilder(RoutePolicyEntity, 'policy')
      .where('policy.orgId = :orgId', { orgId })
      .orderBy('policy.version', 'DESC')
      .limit(page.limit);
    if (page.after !== undefined) query.andWhere('policy.version < :version', { version: Number(page.after.key) });
    return (await query.getMany()).map(fromRow);
  }

  async find(tx: Tx, orgId: string, id: string): Promise<RoutePolicy | undefined> {
    const row = await managerOf(tx).findOneBy(RoutePolicyEntity, { id, orgId });
    return row === null ? undefined : fromRow(row);
  }

  /** The version number after the last one; other writers of the organisation wait until this transaction ends. */
  async nextVersion(tx: Tx, orgId: string): Promise<number> {
    await rowsOf(tx, { text: `SELECT pg_advisory_xact_lock(hashtextextended('routing_policy' || $1, 0))` }, [orgId]);
    const [row] = await rowsOf<{ next: number }>(
      tx,
      { text: 'SELECT coalesce(max(version), 0) + 1 AS next FROM routing_policy WHERE org_id = $1' },
      [orgId],
    );
    return row?.next ?? 1;
  }

  async insert(tx: Tx, policy: RoutePolicy): Promise<void> {
    const { createdAtMs, ...rest } = policy;
    await managerOf(tx).insert(RoutePolicyEntity, { ...rest, createdAt: new Date(createdAtMs) });
  }

  /** Makes one version the active one of its organisation. */
  async activate(tx: Tx, orgId: string, id: string): Promise<void> {
    await rowsOf(tx, { text: 'UPDATE routing_policy SET active = false WHERE org_id = $1 AND active AND id <> $2' }, [
      orgId,
      id,
    ]);
    await rowsOf(tx, { text: 'UPDATE routing_policy SET active = true WHERE org_id = $1 AND id = $2' }, [orgId, id]);
  }
}
