import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `credential`. */
@Entity('credential')
export class CredentialEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'provider_id' })
  providerId!: string;

  @Column('text')
  name!: string;

  @Column('text')
  scheme!: 'bearer' | 'header' | 'azure' | 'sigv4' | 'google_sa' | 'none';

  @Column('bytea')
  sealed!: Buffer;

  @Column('text', { name: 'key_id' })
  keyId!: string;

  @Column('text', { nullable: true })
  hint!: string | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  @Column('text')
  state!: 'active' | 'suspect' | 'suspended' | 'revoked';

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;
}
