import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Evidence bundles that were ordered, and the pieces of their files (evidence page §10). */
export class CreateAuditExport1764000410000 implements MigrationInterface {
  readonly name = 'CreateAuditExport1764000410000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE audit_export (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL,
        requested_by uuid NOT NULL,
        idempotency_key text NOT NULL,
        fingerprint bytea NOT NULL,
        wish jsonb NOT NULL,
        state text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
        done bigint NOT NULL DEFAULT 0,
        total bigint NOT NULL DEFAULT 0,
        bytes bigint NOT NULL DEFAULT 0,
        attempts int NOT NULL DEFAULT 0,
        lease_until timestamptz,
        result jsonb,
        error text,
        created_at timestamptz NOT NULL,
        finished_at timestamptz,
        released_at timestamptz,
        expires_at timestamptz NOT NULL,
        CONSTRAINT audit_export_idempotency UNIQUE (org_id, requested_by, idempotency_key)
      )`);
    await runner.query(`CREATE INDEX audit_export_page ON audit_export (org_id, created_at DESC, id DESC)`);
    await runner.query(
      `CREATE INDEX audit_export_open ON audit_export (created_at) WHERE state IN ('QUEUED', 'RUNNING')`,
    );
    await runner.query(`
      CREATE TABLE audit_export_chunk (
        export_id uuid NOT NULL REFERENCES audit_export ON DELETE CASCADE,
        n int NOT NULL,
        starts_at bigint NOT NULL,
        bytes int NOT NULL,
        content bytea NOT NULL,
        PRIMARY KEY (export_id, n)
      )`);
    await runner.query(`ALTER TABLE audit_export_chunk ALTER COLUMN content SET STORAGE EXTERNAL`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON audit_export, audit_export_chunk TO aip_app`);
    await runner.query(`GRANT SELECT ON audit_export TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
