import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { CaseAccess } from '../domain/case-entries.js';

/** A row of `investigation`. */
@Entity('investigation')
export class InvestigationEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'external_ref' })
  externalRef!: string;

  @Column('text')
  title!: string;

  @Column('uuid', { name: 'team_id', nullable: true })
  teamId!: string | null;

  @Column('text')
  state!: 'open' | 'closed';

  @Column('text')
  access!: CaseAccess;

  @Column('boolean', { name: 'purpose_required' })
  purposeRequired!: boolean;

  @Column('uuid', { name: 'created_by', nullable: true })
  createdBy!: string | null;

  @Column('boolean')
  demo!: boolean;

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'closed_at', nullable: true })
  closedAt!: Date | null;
}
