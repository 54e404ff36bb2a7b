import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `quota_policy`. */
@Entity('quota_policy')
export class QuotaPolicyEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  name!: string;

  @Column('text', { name: 'subject_type' })
  subjectType!: string;

  @Column('uuid', { name: 'subject_id', nullable: true })
  subjectId!: string | null;

  @Column('text')
  metric!: string;

  @Column('bigint', { name: 'limit_units' })
  limitUnits!: string;

  @Column('integer', { name: 'window_seconds' })
  windowSeconds!: number;

  @Column('bigint')
  burst!: string;

  @Column('text', { array: true, nullable: true })
  models!: string[] | null;

  @Column('text', { name: 'managed_by' })
  managedBy!: string;

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'removed_at', nullable: true })
  removedAt!: Date | null;
}
