import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where notices are sent to, what was sent, and up to where the outbox has been handed out. */
export class CreateWebhooks1764000310000 implements MigrationInterface {
  readonly name = 'CreateWebhooks1764000310000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE webhook_endpoint (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL,
        url text NOT NULL,
        description text NOT NULL,
        event_types text[] NOT NULL,
        format text NOT NULL CHECK (format IN ('standard', 'cloudevents')),
        state text NOT NULL CHECK (state IN ('enabled', 'disabled')),
        disabled_because text CHECK (disabled_because IN ('operator', 'gone', 'failing')),
        failing_since timestamptz,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        CHECK ((state = 'disabled') = (disabled_because IS NOT NULL))
      )`);
    await runner.query(`CREATE INDEX webhook_endpoint_org ON webhook_endpoint (org_id, created_at, id)`);
    await runner.query(`
      CREATE TABLE webhook_key (
        id uuid PRIMARY KEY,
        endpoint_id uuid NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
        scheme text NOT NULL CHECK (scheme IN ('v1', 'v1a')),
        sealed bytea NOT NULL,
        sealed_with text NOT NULL,
        public_key text,
        created_at timestamptz NOT NULL,
        retires_at timestamptz
      )`);
    await runner.query(`CREATE INDEX webhook_key_endpoint ON webhook_key (endpoint_id)`);
    await runner.query(`
      CREATE TABLE webhook_delivery (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL,
        endpoint_id uuid NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
        message_id uuid NOT NULL,
        event_type text NOT NULL,
        seq bigint,
        body text NOT NULL CHECK (octet_length(body) <= 20000),
        content_type text NOT NULL,
        replay_of uuid,
        state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
        attempts integer NOT NULL DEFAULT 0,
        next_at timestamptz,
        created_at timestamptz NOT NULL,
        ended_at timestamptz,
        CHECK ((state = 'pending') = (next_at IS NOT NULL)),
        CHECK ((state = 'pending') = (ended_at IS NULL))
      )`);
    // A notice is handed to an endpoint once; only a replay sends it again.
    await runner.query(
      `CREATE UNIQUE INDEX webhook_delivery_once ON webhook_delivery (endpoint_id, message_id) WHERE replay_of IS NULL`,
    );
    await runner.query(
      `CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_at, id) WHERE state = 'pending'`,
    );
    await runner.query(`CREATE INDEX webhook_delivery_log ON webhook_delivery (endpoint_id, created_at, id)`);
    await runner.query(`CREATE INDEX webhook_delivery_age ON webhook_delivery (created_at)`);
    await runner.query(`
      CREATE TABLE webhook_attempt (
        delivery_id uuid NOT NULL REFERENCES webhook_delivery ON DELETE CASCADE,
        n integer NOT NULL,
        at timestamptz NOT NULL,
        duration_ms integer NOT NULL,
        status integer,
        error text,
        PRIMARY KEY (delivery_id, n)
      )`);
    await runner.query(`
      CREATE TABLE webhook_cursor (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        position bigint NOT NULL
      )`);
    await runner.query(`INSERT INTO webhook_cursor (position) SELECT coalesce(max(position), 0) FROM outbox`);
    await runner.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoint, webhook_key, webhook_delivery, webhook_attempt TO aip_app`,
    );
    await runner.query(`GRANT SELECT, UPDATE ON webhook_cursor TO aip_app`);
    await runner.query(
      `GRANT SELECT ON webhook_endpoint, webhook_delivery, webhook_attempt, webhook_cursor TO aip_auditor`,
    );
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
