import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { Criticality, Permission, Tier } from '../../platform/security/index.js';

/** A row of `virtual_key`. */
@Entity('virtual_key')
export class VirtualKeyEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'public_id' })
  publicId!: string;

  @Column('bytea', { name: 'secret_sha256' })
  secretSha256!: Buffer;

  @Column('boolean')
  live!: boolean;

  @Column('text')
  name!: string;

  @Column('uuid', { name: 'user_id' })
  userId!: string;

  @Column('text', { array: true })
  scopes!: Permission[];

  @Column('text', { array: true, nullable: true })
  models!: string[] | null;

  @Column('text', { array: true, nullable: true })
  cidrs!: string[] | null;

  @Column('text', { name: 'max_criticality' })
  maxCriticality!: Criticality;

  @Column('text', { name: 'max_tier' })
  maxTier!: Tier;

  @Column('uuid', { name: 'default_investigation_id', nullable: true })
  defaultInvestigationId!: string | null;

  @Column('boolean')
  batch!: boolean;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;

  @Column('uuid', { name: 'created_by', nullable: true })
  createdBy!: string | null;

  @Column('boolean')
  demo!: boolean;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
