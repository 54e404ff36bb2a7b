import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A reference may not look like an id: either names the same thing in a request. */
const REFERENCE = `external_ref ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$'
          AND external_ref !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'`;

/** Tables of `cases`: what calls are for, who may charge it, and the documents that belong to it. */
export class CreateCases1764000030000 implements MigrationInterface {
  readonly name = 'CreateCases1764000030000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE investigation (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL REFERENCES org (id),
        external_ref text NOT NULL CHECK (${REFERENCE}),
        title text NOT NULL CHECK (length(title) BETWEEN 1 AND 300),
        team_id uuid REFERENCES team (id),
        state text NOT NULL CHECK (state IN ('open', 'closed')),
        access text NOT NULL CHECK (access IN ('members', 'team', 'organisation')),
        purpose_required boolean NOT NULL DEFAULT false,
        created_by uuid REFERENCES app_user (id),
        demo boolean NOT NULL DEFAULT false,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        closed_at timestamptz,
        CONSTRAINT investigation_external_ref UNIQUE (org_id, external_ref),
        CONSTRAINT investigation_closed CHECK ((state = 'closed') = (closed_at IS NOT NULL))
      )`);
    await runner.query(`CREATE INDEX investigation_list ON investigation (org_id, created_at, id)`);
    await runner.query(`
      CREATE TABLE investigation_member (
        investigation_id uuid NOT NULL REFERENCES investigation (id) ON DELETE CASCADE,
        user_id uuid NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
        org_id uuid NOT NULL REFERENCES org (id),
        added_by uuid REFERENCES app_user (id),
        added_at timestamptz NOT NULL,
        PRIMARY KEY (investigation_id, user_id)
      )`);
    await runner.query(`CREATE INDEX investigation_member_user ON investigation_member (user_id)`);
    await runner.query(`
      CREATE TABLE operation (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL REFERENCES org (id),
        investigation_id uuid REFERENCES investigation (id),
        external_ref text NOT NULL CHECK (${REFERENCE}),
        title text NOT NULL CHECK (length(title) BETWEEN 1 AND 300),
        state text NOT NULL CHECK (state IN ('open', 'closed')),
        demo boolean NOT NULL DEFAULT false,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        CONSTRAINT operation_external_ref UNIQUE (org_id, external_ref)
      )`);
    await runner.query(`CREATE INDEX operation_list ON operation (org_id, created_at, id)`);
    await runner.query(`CREATE INDEX operation_investigation ON operation (investigation_id)`);
    await runner.query(`
      CREATE TABLE purpose (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL REFERENCES org (id),
        code text NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
        label text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
        active boolean NOT NULL DEFAULT true,
        demo boolean NOT NULL DEFAULT false,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        CONSTRAINT purpose_code UNIQUE (org_id, code)
      )`);
    await runner.query(`
      CREATE TABLE document (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL REFERENCES org (id),
        sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
        bytes bigint NOT NULL CHECK (bytes BETWEEN 1 AND 33554432),
        media_type text NOT NULL CHECK (length(media_type) BETWEEN 3 AND 200),
        created_by uuid REFERENCES app_user (id),
        demo boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL,
        CONSTRAINT document_sha256 UNIQUE (org_id, sha256)
      )`);
    await runner.query(`CREATE INDEX document_list ON document (org_id, created_at, id)`);
    await runner.query(`
      CREATE TABLE document_content (
        document_id uuid PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE,
        org_id uuid NOT NULL REFERENCES org (id),
        content bytea NOT NULL
      )`);
    // Documents arrive compressed as a rule: a second compression costs time and saves nothing.
    await runner.query(`ALTER TABLE document_content ALTER COLUMN content SET STORAGE EXTERNAL`);
    await runner.query(`
      CREATE TABLE document_holder (
        document_id uuid NOT NULL REFERENCES document (id) ON DELETE CASCADE,
        user_id uuid NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
        org_id uuid NOT NULL REFERENCES org (id),
        uploaded_at timestamptz NOT NULL,
        PRIMARY KEY (document_id, user_id)
      )`);
    await runner.query(`
      CREATE TABLE document_link (
        document_id uuid NOT NULL REFERENCES document (id) ON DELETE CASCADE,
        investigation_id uuid NOT NULL REFERENCES investigation (id) ON DELETE CASCADE,
        org_id uuid NOT NULL REFERENCES org (id),
        label text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
        linked_by uuid REFERENCES app_user (id),
        linked_at timestamptz NOT NULL,
        PRIMARY KEY (document_id, investigation_id)
      )`);
    await runner.query(`CREATE INDEX document_link_investigation ON document_link (investigation_id, linked_at)`);
    await runner.query(`
      GRANT SELECT, INSERT, UPDATE, DELETE ON investigation, investigation_member, operation, purpose, document,
        document_content, document_holder, document_link TO aip_app`);
    await runner.query(
      `GRANT SELECT ON investigation, investigation_member, operation, purpose, document, document_link TO aip_auditor`,
    );
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
