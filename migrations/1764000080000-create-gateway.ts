import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the gateway remembers of a finished call, and the answers kept for repeated idempotent requests. */
export class CreateGateway1764000080000 implements MigrationInterface {
  readonly name = 'CreateGateway1764000080000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE generation (
        request_id uuid PRIMARY KEY,
        org_id uuid NOT NULL,
        at timestamptz NOT NULL,
        user_id uuid NOT NULL,
        team_id uuid,
        key_id uuid,
        investigation_id uuid,
        client_request_id text,
        operation text NOT NULL,
        requested_model text NOT NULL,
        status text NOT NULL CHECK (status IN ('ok', 'failed', 'torn', 'client_closed', 'not_sent', 'unknown')),
        http int,
        receipts text[] NOT NULL,
        body jsonb NOT NULL
      )`);
    await runner.query(`CREATE INDEX generation_org_at ON generation (org_id, at DESC, request_id)`);
    await runner.query(`
      CREATE TABLE idempotency_record (
        subject text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        request_id uuid NOT NULL,
        status int,
        answer bytea,
        opened_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (subject, key)
      )`);
    await runner.query(`CREATE INDEX idempotency_record_expiry ON idempotency_record (expires_at)`);
    await runner.query(`
      CREATE TABLE open_call (
        request_id uuid PRIMARY KEY,
        facts jsonb NOT NULL
      )`);
    await runner.query(`
      CREATE VIEW call_ledger AS
        SELECT org_id, request_id, at, kind, amount::text AS amount, currency, reason FROM ledger_entry`);
    await runner.query(`GRANT SELECT, INSERT, DELETE ON open_call TO aip_app`);
    await runner.query(`GRANT SELECT ON call_ledger TO aip_app, aip_auditor`);
    await runner.query(`GRANT SELECT, INSERT ON generation TO aip_app`);
    await runner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_record TO aip_app`);
    await runner.query(`GRANT SELECT ON generation TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
