import type { Criticality, Permission, Tier } from '../../platform/security/index.js';
import type { RoleBinding } from './role-permissions.js';

/** An agency: the outer wall of all data. */
export interface Organisation {
  readonly id: string;
  readonly name: string;
  /** Every paid call must name an investigation (or its key must have a default). */
  readonly requireInvestigation: boolean;
  /** Every paid call must name a purpose. */
  readonly requirePurpose: boolean;
  readonly version: number;
}

/** A team of one organisation. */
export interface Team {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly version: number;
  readonly createdAtMs: number;
}

/** A person, or a program that acts under its own name. */
export interface User {
  readonly id: string;
  readonly orgId: string;
  readonly kind: 'person' | 'service';
  /** Lower case; unique in the organisation. Service users have none. */
  readonly email: string | null;
  readonly displayName: string;
  readonly teamId: string | null;
  readonly state: 'active' | 'disabled';
  /** `iss|sub` of the outside issuer; unique. */
  readonly externalSubject: string | null;
  readonly roles: readonly RoleBinding[];
  readonly version: number;
  readonly createdAtMs: number;
}

/** A virtual key as it may be shown: everything but its secret. */
export interface VirtualKey {
  readonly id: string;
  readonly orgId: string;
  readonly publicId: string;
  readonly live: boolean;
  readonly name: string;
  readonly userId: string;
  readonly scopes: readonly Permission[];
  /** Public model names it may ask for; `null`: all. */
  readonly models: readonly string[] | null;
  /** Networks it may be used from; `null`: any. */
  readonly cidrs: readonly string[] | null;
  readonly maxCriticality: Criticality;
  readonly maxTier: Tier;
  readonly defaultInvestigationId: string | null;
  readonly batch: boolean;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
  readonly createdBy: string | null;
  readonly createdAtMs: number;
}

/** A key with what proves it. Never leaves identity. */
export interface StoredKey extends VirtualKey {
  /** 32 bytes. */
  readonly secretSha256: Buffer;
}
