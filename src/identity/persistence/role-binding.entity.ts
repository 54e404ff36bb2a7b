import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { Permission, Role } from '../../platform/security/index.js';

/** A row of `role_binding`. */
@Entity('role_binding')
export class RoleBindingEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('uuid', { name: 'user_id' })
  userId!: string;

  @Column('text')
  role!: Role;

  @Column('uuid', { name: 'team_id', nullable: true })
  teamId!: string | null;

  @Column('text', { array: true })
  grants!: Permission[];

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
