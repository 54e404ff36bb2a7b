import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `org`. */
@Entity('org')
export class OrgEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  name!: string;

  @Column('boolean', { name: 'require_investigation' })
  requireInvestigation!: boolean;

  @Column('boolean', { name: 'require_purpose' })
  requirePurpose!: boolean;

  @Column('boolean')
  demo!: boolean;

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
