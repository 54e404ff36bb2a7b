import { Injectable } from '@nestjs/common';

import { managerOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { StoredCredential } from '../domain/credential.js';
import { CredentialEntity } from './credential.entity.js';

/** Rows of `credential`; secrets only as sealed bytes. */
@Injectable()
export class CredentialRepository {
  async insert(tx: Tx, credential: StoredCredential): Promise<void> {
    await managerOf(tx).insert(CredentialEntity, toRow(credential));
  }

  /** Writes the row when it is still at `credential.version - 1`; false when someone was faster. */
  async update(tx: Tx, credential: StoredCredential): Promise<boolean> {
    const { affected } = await managerOf(tx).update(
      CredentialEntity,
      { id: credential.id, version: credential.version - 1 },
      toRow(credential),
    );
    return affected === 1;
  }

  async findById(tx: Tx, id: string): Promise<StoredCredential | undefined> {
    const row = await managerOf(tx).findOneBy(CredentialEntity, { id });
    return row === null ? undefined : fromRow(row);
  }

  /** All of a provider, revoked ones included, sorted by id. */
  async findOfProvider(tx: Tx, providerId: string): Promise<readonly StoredCredential[]> {
    const rows = await managerOf(tx).find(CredentialEntity, { where: { providerId }, order: { id: 'ASC' } });
    return rows.map(fromRow);
  }

  /** All that may still be used, sorted by id. */
  async findUsable(tx: Tx): Promise<readonly StoredCredential[]> {
    const rows = await managerOf(tx).find(CredentialEntity, {
      where: [{ state: 'active' }, { state: 'suspect' }],
      order: { id: 'ASC' },
    });
    return rows.map(fromRow);
  }
}

const dateOf = (atMs: number | null): Date | null => (atMs === null ? null : new Date(atMs));

function toRow(credential: StoredCredential): CredentialEntity {
  const { createdAtMs, expiresAtMs, revokedAtMs, ...same } = credential;
  return { ...same, createdAt: new Date(createdAtMs), expiresAt: dateOf(expiresAtMs), revokedAt: dateOf(revokedAtMs) };
}

function fromRow(row: CredentialEntity): StoredCredential {
  return {
    id: row.id,
    providerId: row.providerId,
    name: row.name,
    scheme: row.scheme,
    sealed: row.sealed,
    keyId: row.keyId,
    hint: row.hint,
    state: row.state,
    version: row.version,
    createdAtMs: row.createdAt.getTime(),
    expiresAtMs: row.expiresAt?.getTime() ?? null,
    revokedAtMs: row.revokedAt?.getTime() ?? null,
  };
}
