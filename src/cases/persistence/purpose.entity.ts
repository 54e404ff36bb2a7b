import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `purpose`. */
@Entity('purpose')
export class PurposeEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  code!: string;

  @Column('text')
  label!: string;

  @Column('boolean')
  active!: boolean;

  @Column('boolean')
  demo!: boolean;

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
