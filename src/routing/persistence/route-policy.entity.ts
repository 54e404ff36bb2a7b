import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { RoutePolicyBody } from '../domain/route-policy.js';

/** A row of `routing_policy`: one version. */
@Entity('routing_policy')
export class RoutePolicyEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  name!: string;

  @Column('integer')
  version!: number;

  @Column('jsonb')
  body!: RoutePolicyBody;

  @Column('boolean')
  active!: boolean;

  @Column('uuid', { name: 'created_by', nullable: true })
  createdBy!: string | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
