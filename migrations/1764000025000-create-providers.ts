import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Providers, what can be called at them, and the sealed secrets for it. They belong to the installation, not to an organisation. */
export class CreateProviders1764000025000 implements MigrationInterface {
  readonly name = 'CreateProviders1764000025000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE provider (
        id uuid PRIMARY KEY,
        name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
        vendor text NOT NULL,
        dialect text NOT NULL CHECK (dialect IN ('openai', 'anthropic')),
        base_url text NOT NULL,
        network text NOT NULL CHECK (network IN ('public', 'private', 'simulated')),
        auth jsonb NOT NULL DEFAULT '{}',
        currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        claims jsonb NOT NULL DEFAULT '[]',
        quirks jsonb NOT NULL DEFAULT '{}',
        state text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'draining', 'disabled')),
        managed_by text NOT NULL DEFAULT 'ui' CHECK (managed_by IN ('ui', 'file')),
        version int NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        removed_at timestamptz,
        CHECK ((network = 'simulated') = (currency = 'XTS'))
      )`);
    await runner.query(`CREATE UNIQUE INDEX provider_name ON provider (name) WHERE removed_at IS NULL`);
    await runner.query(`
      CREATE TABLE credential (
        id uuid PRIMARY KEY,
        provider_id uuid NOT NULL REFERENCES provider (id),
        name text NOT NULL,
        scheme text NOT NULL CHECK (scheme IN ('bearer', 'header', 'azure', 'sigv4', 'google_sa', 'none')),
        sealed bytea NOT NULL,
        key_id text NOT NULL,
        hint text,
        expires_at timestamptz,
        state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspect', 'suspended', 'revoked')),
        version int NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        revoked_at timestamptz,
        CHECK ((state = 'revoked') = (revoked_at IS NOT NULL))
      )`);
    await runner.query(
      `CREATE UNIQUE INDEX credential_name ON credential (provider_id, name) WHERE revoked_at IS NULL`,
    );
    await runner.query(`
      CREATE TABLE deployment (
        id uuid PRIMARY KEY,
        provider_id uuid NOT NULL REFERENCES provider (id),
        credential_ids uuid[] NOT NULL DEFAULT '{}',
        model text NOT NULL,
        upstream_model text NOT NULL,
        region text,
        capabilities jsonb NOT NULL,
        limits jsonb NOT NULL DEFAULT '{}',
        timers jsonb NOT NULL DEFAULT '{}',
        weight int NOT NULL DEFAULT 100 CHECK (weight BETWEEN 0 AND 10000),
        state text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'draining', 'disabled')),
        probe jsonb NOT NULL DEFAULT '{}',
        deprecated_at timestamptz,
        managed_by text NOT NULL DEFAULT 'ui' CHECK (managed_by IN ('ui', 'file')),
        version int NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        removed_at timestamptz
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX deployment_place ON deployment (provider_id, model, upstream_model, coalesce(region, ''))
      WHERE removed_at IS NULL`);
    await runner.query(`CREATE INDEX deployment_model ON deployment (model) WHERE removed_at IS NULL`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE ON provider, credential, deployment TO aip_app`);
    await runner.query(`GRANT SELECT ON provider, deployment TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
