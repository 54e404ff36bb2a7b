import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Roles of the database (evidence page §8) and the tables of `platform`. */
export class CreatePlatform1764000000000 implements MigrationInterface {
  readonly name = 'CreatePlatform1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DO $$
      DECLARE wanted text;
      BEGIN
        -- Roles belong to the whole cluster: two databases that migrate at once must not race.
        PERFORM pg_advisory_xact_lock(4242002);
        FOREACH wanted IN ARRAY ARRAY['aip_owner', 'aip_app', 'aip_auditor', 'aip_purger'] LOOP
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
          END IF;
        END LOOP;
        EXECUTE format('GRANT CREATE, CONNECT, TEMPORARY ON DATABASE %I TO aip_owner', current_database());
      END $$`);
    await runner.query(`GRANT CREATE, USAGE ON SCHEMA public TO aip_owner, aip_purger`);
    await runner.query(`GRANT USAGE ON SCHEMA public TO aip_app, aip_auditor`);
    await runner.query(`REVOKE CREATE ON SCHEMA public FROM PUBLIC`);
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE config_version (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        version bigint NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`INSERT INTO config_version (version) VALUES (1)`);
    await runner.query(`
      CREATE TABLE replica (
        id uuid PRIMARY KEY,
        boot_id uuid NOT NULL,
        started_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        stopped_at timestamptz
      )`);
    await runner.query(`
      CREATE TABLE outbox (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL UNIQUE,
        org_id uuid NOT NULL,
        type text NOT NULL,
        at timestamptz NOT NULL,
        data jsonb NOT NULL
      )`);
    await runner.query(`CREATE INDEX outbox_at ON outbox (at)`);
    await runner.query(`
      CREATE TABLE setting (
        name text PRIMARY KEY,
        value jsonb NOT NULL
      )`);
    await runner.query(`GRANT SELECT, UPDATE ON config_version TO aip_app`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON replica, setting TO aip_app`);
    await runner.query(`GRANT SELECT, INSERT, DELETE ON outbox TO aip_app`);
    await runner.query(`GRANT SELECT ON config_version, replica, outbox, setting TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
