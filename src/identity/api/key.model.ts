import { formatInstant } from '../../platform/clock/index.js';
import type { VirtualKey } from '../domain/directory-entries.js';

/** A key as REST shows it. */
export interface KeyModel extends Omit<
  VirtualKey,
  'orgId' | 'publicId' | 'expiresAtMs' | 'revokedAtMs' | 'createdAtMs'
> {
  /** How the key's text begins: enough to recognise it, useless to anyone else. */
  readonly prefix: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
  readonly createdAt: string;
}

/** Instants become RFC 3339; nothing that proves the key is in it. */
export function toKeyModel(key: VirtualKey): KeyModel {
  const { id, live, name, userId, scopes, models, cidrs, maxCriticality, maxTier } = key;
  const { defaultInvestigationId, batch, createdBy } = key;
  return {
    id,
    prefix: `aip_${live ? 'live' : 'test'}_${key.publicId}`,
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
    expiresAt: formatInstant(key.expiresAtMs),
    revokedAt: key.revokedAtMs === null ? null : formatInstant(key.revokedAtMs),
    createdAt: formatInstant(key.createdAtMs),
  };
}
