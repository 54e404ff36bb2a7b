import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `investigation_member`. */
@Entity('investigation_member')
export class InvestigationMemberEntity {
  @PrimaryColumn('uuid', { name: 'investigation_id' })
  investigationId!: string;

  @PrimaryColumn('uuid', { name: 'user_id' })
  userId!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('uuid', { name: 'added_by', nullable: true })
  addedBy!: string | null;

  @Column('timestamptz', { name: 'added_at' })
  addedAt!: Date;
}
