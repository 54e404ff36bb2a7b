import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of `identity`: who exists, and which credentials speak for them. */
export class CreateIdentity1764000020000 implements MigrationInterface {
  readonly name = 'CreateIdentity1764000020000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE org (
        id uuid PRIMARY KEY,
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
        require_investigation boolean NOT NULL DEFAULT false,
        require_purpose boolean NOT NULL DEFAULT false,
        demo boolean NOT NULL DEFAULT false,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE team (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL REFERENCES org (id),
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
        demo boolean NOT NULL DEFAULT false,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        CONSTRAINT team_name UNIQUE (org_id, name)
      )`);
    await runner.query(`
      CREATE TABLE app_user (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL REFERENCES org (id),
        kind text NOT NULL CHECK (kind IN ('person', 'service')),
        email text CHECK (email = lower(email)),
        display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200),
        team_id uuid REFERENCES team (id),
        state text NOT NULL CHECK (state IN ('active', 'disabled')),
        external_subject text,
        demo boolean NOT NULL DEFAULT false,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        CONSTRAINT app_user_email UNIQUE (org_id, email),
        CONSTRAINT app_user_external_subject UNIQUE (external_subject)
      )`);
    await runner.query(`CREATE INDEX app_user_list ON app_user (org_id, created_at, id)`);
    await runner.query(`
      CREATE TABLE role_binding (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL REFERENCES org (id),
        user_id uuid NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
        role text NOT NULL CHECK (role IN ('analyst', 'lead', 'operator', 'admin', 'compliance', 'service')),
        team_id uuid REFERENCES team (id),
        grants text[] NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL,
        CONSTRAINT role_binding_once UNIQUE NULLS NOT DISTINCT (user_id, role, team_id)
      )`);
    await runner.query(`
      CREATE TABLE virtual_key (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL REFERENCES org (id),
        public_id text NOT NULL CHECK (public_id ~ '^[0-9A-Za-z]{12}$'),
        secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
        live boolean NOT NULL,
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
        user_id uuid NOT NULL REFERENCES app_user (id),
        scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
        models text[],
        cidrs text[],
        max_criticality text NOT NULL
          CHECK (max_criticality IN ('critical-plus', 'critical', 'sheddable-plus', 'sheddable')),
        max_tier text NOT NULL CHECK (max_tier IN ('economy', 'balanced', 'premium', 'critical')),
        default_investigation_id uuid,
        batch boolean NOT NULL DEFAULT false,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        created_by uuid REFERENCES app_user (id),
        demo boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL,
        CONSTRAINT virtual_key_public_id UNIQUE (public_id),
        CONSTRAINT virtual_key_lifetime CHECK (expires_at <= created_at + interval '401 days')
      )`);
    await runner.query(`CREATE INDEX virtual_key_list ON virtual_key (org_id, created_at, id)`);
    await runner.query(`CREATE INDEX virtual_key_user ON virtual_key (user_id)`);
    await runner.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON org, team, app_user, role_binding, virtual_key TO aip_app`,
    );
    await runner.query(`GRANT SELECT ON org, team, app_user, role_binding TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
