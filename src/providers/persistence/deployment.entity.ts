import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `deployment`. */
@Entity('deployment')
export class DeploymentEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'provider_id' })
  providerId!: string;

  @Column('uuid', { name: 'credential_ids', array: true })
  credentialIds!: string[];

  @Column('text')
  model!: string;

  @Column('text', { name: 'upstream_model' })
  upstreamModel!: string;

  @Column('text', { nullable: true })
  region!: string | null;

  @Column('jsonb')
  capabilities!: Record<string, unknown>;

  @Column('jsonb')
  limits!: Record<string, unknown>;

  @Column('jsonb')
  timers!: Record<string, unknown>;

  @Column('integer')
  weight!: number;

  @Column('text')
  state!: 'enabled' | 'draining' | 'disabled';

  @Column('jsonb')
  probe!: Record<string, unknown>;

  @Column('timestamptz', { name: 'deprecated_at', nullable: true })
  deprecatedAt!: Date | null;

  @Column('text', { name: 'managed_by' })
  managedBy!: 'ui' | 'file';

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date;

  @Column('timestamptz', { name: 'removed_at', nullable: true })
  removedAt!: Date | null;
}
