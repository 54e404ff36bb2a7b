import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `app_user`. */
@Entity('app_user')
export class UserEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  kind!: 'person' | 'service';

  @Column('text', { nullable: true })
  email!: string | null;

  @Column('text', { name: 'display_name' })
  displayName!: string;

  @Column('uuid', { name: 'team_id', nullable: true })
  teamId!: string | null;

  @Column('text')
  state!: 'active' | 'disabled';

  @Column('text', { name: 'external_subject', nullable: true })
  externalSubject!: string | null;

  @Column('boolean')
  demo!: boolean;

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
