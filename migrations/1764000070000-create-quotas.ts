import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Limits on callers and temporary permissions to go past them. */
export class CreateQuotas1764000070000 implements MigrationInterface {
  readonly name = 'CreateQuotas1764000070000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE quota_policy (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL,
        name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
        subject_type text NOT NULL CHECK (subject_type IN ('USER', 'TEAM', 'KEY', 'SERVICE')),
        subject_id uuid,
        metric text NOT NULL CHECK (metric IN ('REQUESTS', 'TOKENS', 'CONCURRENCY')),
        limit_units bigint NOT NULL CHECK (limit_units BETWEEN 1 AND 1000000000000),
        window_seconds integer NOT NULL CHECK (window_seconds BETWEEN 0 AND 2678400),
        burst bigint NOT NULL CHECK (burst BETWEEN 1 AND 1000000000000),
        models text[],
        managed_by text NOT NULL CHECK (managed_by IN ('ui', 'file')),
        version integer NOT NULL CHECK (version > 0),
        created_at timestamptz NOT NULL,
        removed_at timestamptz,
        CHECK ((metric = 'CONCURRENCY') = (window_seconds = 0))
      )`);
    await runner.query(`CREATE UNIQUE INDEX quota_policy_name ON quota_policy (org_id, name) WHERE removed_at IS NULL`);
    await runner.query(`
      CREATE TABLE override (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL,
        subject_type text NOT NULL CHECK (subject_type IN ('USER', 'TEAM', 'KEY', 'SERVICE')),
        subject_id uuid NOT NULL,
        limits jsonb NOT NULL,
        reason text NOT NULL CHECK (char_length(reason) BETWEEN 20 AND 500),
        incident_ref text NOT NULL CHECK (char_length(incident_ref) BETWEEN 1 AND 100),
        state text NOT NULL CHECK (state IN ('REQUESTED', 'ACTIVE', 'DENIED', 'EXPIRED', 'REVOKED')),
        requested_by uuid NOT NULL,
        requested_at timestamptz NOT NULL,
        approved_by uuid,
        decided_at timestamptz,
        expires_at timestamptz NOT NULL,
        version integer NOT NULL CHECK (version > 0),
        CHECK (expires_at > requested_at AND expires_at <= requested_at + interval '8 hours'),
        CHECK (approved_by IS DISTINCT FROM subject_id),
        CHECK (state <> 'ACTIVE' OR approved_by IS NOT NULL)
      )`);
    await runner.query(`CREATE INDEX override_open ON override (expires_at) WHERE state IN ('REQUESTED', 'ACTIVE')`);
    await runner.query(`CREATE INDEX override_org ON override (org_id, id DESC)`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE ON quota_policy, override TO aip_app`);
    await runner.query(`GRANT SELECT ON quota_policy, override TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
