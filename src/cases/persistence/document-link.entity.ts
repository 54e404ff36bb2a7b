import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `document_link`. */
@Entity('document_link')
export class DocumentLinkEntity {
  @PrimaryColumn('uuid', { name: 'document_id' })
  documentId!: string;

  @PrimaryColumn('uuid', { name: 'investigation_id' })
  investigationId!: string;

  @Column('uuid', { name: 'org_id' })
  orgId!: string;

  @Column('text')
  label!: string;

  @Column('uuid', { name: 'linked_by', nullable: true })
  linkedBy!: string | null;

  @Column('timestamptz', { name: 'linked_at' })
  linkedAt!: Date;
}
