import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { Meter } from '../domain/meter.js';

/** A row of `price_version`. `amount` is per one unit. */
@Entity('price_version')
export class PriceVersionEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text')
  vendor!: string;

  @Column('text')
  model!: string;

  @Column('text', { nullable: true })
  region!: string | null;

  @Column('text', { name: 'service_tier' })
  tier!: string;

  @Column('integer', { name: 'context_from' })
  contextFrom!: number;

  @Column('smallint', { name: 'daily_from', nullable: true })
  dailyFrom!: number | null;

  @Column('smallint', { name: 'daily_to', nullable: true })
  dailyTo!: number | null;

  @Column('text')
  meter!: Meter;

  @Column('text')
  currency!: string;

  @Column('numeric', { precision: 28, scale: 12 })
  amount!: string;

  @Column('timestamptz', { name: 'effective_from' })
  effectiveFrom!: Date;

  @Column('timestamptz', { name: 'effective_to', nullable: true })
  effectiveTo!: Date | null;

  @Column('text')
  source!: string;

  @Column('date', { name: 'as_of' })
  asOf!: string;

  @Column('boolean')
  confirmed!: boolean;

  @Column('uuid', { name: 'imported_by', nullable: true })
  importedBy!: string | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
