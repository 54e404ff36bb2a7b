import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Holds grow and shrink while their call runs: whoever changes or ends one names the revision it knows. The kinds of ledger
 *  entries move what they are named after, and nothing else. */
export class AddHoldRevision1764000200000 implements MigrationInterface {
  readonly name = 'AddHoldRevision1764000200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`ALTER TABLE hold ADD COLUMN revision integer NOT NULL DEFAULT 0 CHECK (revision >= 0)`);
    await runner.query(`
      ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_movement CHECK (CASE kind
        WHEN 'HOLD' THEN 0 <= ALL(held_delta) AND 0 = ALL(posted_delta)
        WHEN 'EXTEND' THEN 0 <= ALL(held_delta) AND 0 = ALL(posted_delta)
        WHEN 'SHRINK' THEN 0 >= ALL(held_delta) AND 0 = ALL(posted_delta)
        WHEN 'SETTLE' THEN 0 >= ALL(held_delta) AND 0 <= ALL(posted_delta)
        WHEN 'ADJUST' THEN 0 = ALL(held_delta)
        ELSE 0 >= ALL(held_delta) AND 0 = ALL(posted_delta) AND amount = 0 END)`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
