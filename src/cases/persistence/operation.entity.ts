import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `operation`. */
@Entity('operation')
export class OperationEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('uuid', { name: 'investigation_id', nullable: true })
  investigationId!: string | null;

  @Column('text', { name: 'external_ref' })
  externalRef!: string;

  @Column('text')
  title!: string;

  @Column('text')
  state!: 'open' | 'closed';

  @Column('boolean')
  demo!: boolean;

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
