import { Injectable } from '@nestjs/common';
import { In, IsNull } from 'typeorm';

import { managerOf, rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { Claim } from '../domain/claim.js';
import type { Provider } from '../domain/provider.js';
import { ProviderEntity } from './provider.entity.js';

const DEFAULT_AUTH_HEADER = 'x-api-key';

/** Rows of `provider`; removed ones are only found by those who ask for them by id in a record. */
@Injectable()
export class ProviderRepository {
  async insert(tx: Tx, provider: Provider): Promise<void> {
    await managerOf(tx).insert(ProviderEntity, toRow(provider) as never);
  }

  /** Writes the row when it is still at `provider.version - 1`; false when someone was faster. */
  async update(tx: Tx, provider: Provider): Promise<boolean> {
    const { affected } = await managerOf(tx).update(
      ProviderEntity,
      { id: provider.id, version: provider.version - 1, removedAt: IsNull() },
      toRow(provider) as never,
    );
    return affected === 1;
  }

  /** Takes it out of the configuration and frees its name; records still point at the row. */
  async markRemoved(tx: Tx, id: string, atMs: number): Promise<void> {
    await managerOf(tx).update(ProviderEntity, { id }, { removedAt: new Date(atMs), updatedAt: new Date(atMs) });
  }

  async findById(tx: Tx, id: string): Promise<Provider | undefined> {
    const row = await managerOf(tx).findOneBy(ProviderEntity, { id, removedAt: IsNull() });
    return row === null ? undefined : fromRow(row);
  }

  /** Locks the row until the transaction ends, so that what hangs on it cannot change meanwhile. */
  async findByIdForUpdate(tx: Tx, id: string): Promise<Provider | undefined> {
    const row = await managerOf(tx).findOne(ProviderEntity, {
      where: { id, removedAt: IsNull() },
      lock: { mode: 'pessimistic_write' },
    });
    return row === null ? undefined : fromRow(row);
  }

  /** All that are not removed, sorted by id. */
  async findAll(tx: Tx): Promise<readonly Provider[]> {
    const rows = await managerOf(tx).find(ProviderEntity, { where: { removedAt: IsNull() }, order: { id: 'ASC' } });
    return rows.map(fromRow);
  }

  /** One page by name, `limit + 1` rows. */
  async findPage(tx: Tx, limit: number, after: Keyset | undefined): Promise<readonly Provider[]> {
    const ids = await rowsOf<{ id: string }>(
      tx,
      {
        text: `SELECT id FROM provider WHERE removed_at IS NULL AND ($1::text IS NULL OR (name, id) > ($1, $2::uuid))
               ORDER BY name, id LIMIT $3`,
      },
      [after?.key ?? null, after?.id ?? null, limit + 1],
    );
    const rows = await managerOf(tx).findBy(ProviderEntity, { id: In(ids.map(({ id }) => id)) });
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids
      .map(({ id }) => byId.get(id))
      .filter((row) => row !== undefined)
      .map(fromRow);
  }
}

function toRow(provider: Provider): ProviderEntity {
  return {
    id: provider.id,
    name: provider.name,
    vendor: provider.vendor,
    dialect: provider.dialect,
    baseUrl: provider.baseUrl,
    network: provider.network,
    auth: { header: provider.authHeader },
    currency: provider.currency,
    claims: provider.claims.map((claim) => ({ ...claim })),
    quirks: { ...provider.quirks },
    state: provider.state,
    managedBy: provider.managedBy,
    version: provider.version,
    createdAt: new Date(provider.createdAtMs),
    updatedAt: new Date(provider.updatedAtMs),
    removedAt: null,
  };
}

function fromRow(row: ProviderEntity): Provider {
  const header = row.auth['header'];
  return {
    id: row.id,
    name: row.name,
    vendor: row.vendor,
    dialect: row.dialect,
    baseUrl: row.baseUrl,
    network: row.network,
    authHeader: typeof header === 'string' ? header : DEFAULT_AUTH_HEADER,
    currency: row.currency,
    claims: row.claims as unknown as readonly Claim[],
    quirks: row.quirks,
    state: row.state,
    managedBy: row.managedBy,
    version: row.version,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
  };
}
