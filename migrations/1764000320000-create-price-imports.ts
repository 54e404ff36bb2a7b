import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Price lists that somebody handed in and somebody else puts in force. */
export class CreatePriceImports1764000320000 implements MigrationInterface {
  readonly name = 'CreatePriceImports1764000320000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE price_import (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL,
        state text NOT NULL CHECK (state IN ('PROPOSED', 'ACTIVATED', 'DISCARDED')),
        note text NOT NULL CHECK (length(note) <= 200),
        prices jsonb NOT NULL,
        count integer NOT NULL CHECK (count >= 1),
        sha256 bytea NOT NULL CHECK (length(sha256) = 32),
        proposed_by uuid NOT NULL,
        proposed_at timestamptz NOT NULL,
        decided_by uuid,
        decided_at timestamptz,
        CHECK ((state = 'PROPOSED') = (decided_by IS NULL)),
        CHECK (state <> 'ACTIVATED' OR decided_by <> proposed_by)
      )`);
    await runner.query(`CREATE INDEX price_import_page ON price_import (org_id, proposed_at, id)`);
    await runner.query(`GRANT SELECT, INSERT ON price_import TO aip_app`);
    await runner.query(`GRANT UPDATE (state, decided_by, decided_at) ON price_import TO aip_app`);
    await runner.query(`GRANT SELECT ON price_import TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
