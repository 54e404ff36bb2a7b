import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `override`. */
@Entity('override')
export class OverrideEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('text', { name: 'subject_type' })
  subjectType!: string;

  @Column('uuid', { name: 'subject_id' })
  subjectId!: string;

  @Column('jsonb')
  limits!: { requests: number; tokens: number; concurrency: number };

  @Column('text')
  reason!: string;

  @Column('text', { name: 'incident_ref' })
  incidentRef!: string;

  @Column('text')
  state!: string;

  @Column('uuid', { name: 'requested_by' })
  requestedBy!: string;

  @Column('timestamptz', { name: 'requested_at' })
  requestedAt!: Date;

  @Column('uuid', { name: 'approved_by', nullable: true })
  approvedBy!: string | null;

  @Column('timestamptz', { name: 'decided_at', nullable: true })
  decidedAt!: Date | null;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;

  @Column('integer')
  version!: number;
}
