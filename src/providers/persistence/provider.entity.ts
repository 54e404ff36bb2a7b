import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { Dialect } from '../adapters/adapter.js';

/** A row of `provider`. */
@Entity('provider')
export class ProviderEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  name!: string;

  @Column('text')
  vendor!: string;

  @Column('text')
  dialect!: Dialect;

  @Column('text', { name: 'base_url' })
  baseUrl!: string;

  @Column('text')
  network!: 'public' | 'private' | 'simulated';

  @Column('jsonb')
  auth!: Record<string, unknown>;

  @Column('char', { length: 3 })
  currency!: string;

  @Column('jsonb')
  claims!: Record<string, unknown>[];

  @Column('jsonb')
  quirks!: Record<string, unknown>;

  @Column('text')
  state!: 'enabled' | 'draining' | 'disabled';

  @Column('text', { name: 'managed_by' })
  managedBy!: 'ui' | 'file';

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date;

  @Column('timestamptz', { name: 'removed_at', nullable: true })
  removedAt!: Date | null;
}
