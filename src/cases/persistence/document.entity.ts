import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `document`; the bytes lie in `document_content`. */
@Entity('document')
export class DocumentEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('bytea')
  sha256!: Buffer;

  @Column('bigint')
  bytes!: string;

  @Column('text', { name: 'media_type' })
  mediaType!: string;

  @Column('uuid', { name: 'created_by', nullable: true })
  createdBy!: string | null;

  @Column('boolean')
  demo!: boolean;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
