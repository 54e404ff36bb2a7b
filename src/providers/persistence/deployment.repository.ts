import { Injectable } from '@nestjs/common';
import { In, IsNull } from 'typeorm';

import { managerOf, rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { Capabilities } from '../adapters/adapter.js';
import type { StoredDeployment } from '../domain/provider.js';
import { DeploymentEntity } from './deployment.entity.js';

/** What a list of deployments can be narrowed to. */
export interface DeploymentFilter {
  readonly providerId: string | null;
  readonly model: string | null;
}

/** Rows of `deployment`, without removed ones. */
@Injectable()
export class DeploymentRepository {
  async insert(tx: Tx, deployments: readonly StoredDeployment[]): Promise<void> {
    if (deployments.length > 0) await managerOf(tx).insert(DeploymentEntity, deployments.map(toRow) as never);
  }

  /** Writes the row when it is still at `deployment.version - 1`; false when someone was faster. */
  async update(tx: Tx, deployment: StoredDeployment): Promise<boolean> {
    const { affected } = await managerOf(tx).update(
      DeploymentEntity,
      { id: deployment.id, version: deployment.version - 1, removedAt: IsNull() },
      toRow(deployment) as never,
    );
    return affected === 1;
  }

  async markRemoved(tx: Tx, ids: readonly string[], atMs: number): Promise<void> {
    await rowsOf(tx, { text: `UPDATE deployment SET removed_at = $2, updated_at = $2 WHERE id = ANY($1::uuid[])` }, [
      ids,
      new Date(atMs),
    ]);
  }

  async findById(tx: Tx, id: string): Promise<StoredDeployment | undefined> {
    const row = await managerOf(tx).findOneBy(DeploymentEntity, { id, removedAt: IsNull() });
    return row === null ? undefined : fromRow(row);
  }

  /** All of a provider, or of all of them; sorted by id. */
  async findAll(tx: Tx, providerId?: string): Promise<readonly StoredDeployment[]> {
    const rows = await managerOf(tx).find(DeploymentEntity, {
      where: { removedAt: IsNull(), ...(providerId === undefined ? {} : { providerId }) },
      order: { id: 'ASC' },
    });
    return rows.map(fromRow);
  }

  /** Deployments that name a credential. */
  async findUsingCredential(tx: Tx, credentialId: string): Promise<readonly string[]> {
    const rows = await rowsOf<{ id: string }>(
      tx,
      { text: `SELECT id FROM deployment WHERE removed_at IS NULL AND $1 = ANY(credential_ids) ORDER BY id` },
      [credentialId],
    );
    return rows.map(({ id }) => id);
  }

  /** Those of `models` that would have no deployment left without `ids`; sorted. */
  async findOrphaned(tx: Tx, ids: readonly string[]): Promise<readonly string[]> {
    const rows = await rowsOf<{ model: string }>(
      tx,
      {
        text: `SELECT DISTINCT model FROM deployment gone WHERE id = ANY($1::uuid[]) AND removed_at IS NULL AND NOT EXISTS (
                 SELECT FROM deployment kept WHERE kept.model = gone.model AND kept.removed_at IS NULL AND kept.id <> ALL($1::uuid[]))
               ORDER BY model`,
      },
      [ids],
    );
    return rows.map(({ model }) => model);
  }

  /** One page by model, `limit + 1` rows. */
  async findPage(
    tx: Tx,
    filter: DeploymentFilter,
    limit: number,
    after: Keyset | undefined,
  ): Promise<readonly StoredDeployment[]> {
    const ids = await rowsOf<{ id: string }>(
      tx,
      {
        text: `SELECT id FROM deployment
               WHERE removed_at IS NULL AND ($1::uuid IS NULL OR provider_id = $1) AND ($2::text IS NULL OR model = $2)
                 AND ($3::text IS NULL OR (model, id) > ($3, $4::uuid))
               ORDER BY model, id LIMIT $5`,
      },
      [filter.providerId, filter.model, after?.key ?? null, after?.id ?? null, limit + 1],
    );
    const rows = await managerOf(tx).findBy(DeploymentEntity, { id: In(ids.map(({ id }) => id)) });
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids
      .map(({ id }) => byId.get(id))
      .filter((row) => row !== undefined)
      .map(fromRow);
  }
}

function toRow(deployment: StoredDeployment): DeploymentEntity {
  return {
    id: deployment.id,
    providerId: deployment.providerId,
    credentialIds: [...deployment.credentialIds],
    model: deployment.model,
    upstreamModel: deployment.upstreamModel,
    region: deployment.region,
    capabilities: { ...deployment.capabilities },
    limits: { ...deployment.limits },
    timers: { ...deployment.timers },
    weight: deployment.weight,
    state: deployment.state,
    probe: {},
    deprecatedAt: deployment.deprecatedAtMs === null ? null : new Date(deployment.deprecatedAtMs),
    managedBy: deployment.managedBy,
    version: deployment.version,
    createdAt: new Date(deployment.createdAtMs),
    updatedAt: new Date(deployment.updatedAtMs),
    removedAt: null,
  };
}

function fromRow(row: DeploymentEntity): StoredDeployment {
  return {
    id: row.id,
    providerId: row.providerId,
    credentialIds: row.credentialIds,
    model: row.model,
    upstreamModel: row.upstreamModel,
    region: row.region,
    capabilities: row.capabilities as unknown as Capabilities,
    limits: row.limits,
    timers: row.timers,
    weight: row.weight,
    state: row.state,
    deprecatedAtMs: row.deprecatedAt?.getTime() ?? null,
    managedBy: row.managedBy,
    version: row.version,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
  };
}
