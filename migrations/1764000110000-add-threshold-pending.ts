import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A threshold may wait beyond its edge before it fires; a state that never fired has counted no transition. */
export class AddThresholdPending1764000110000 implements MigrationInterface {
  readonly name = 'AddThresholdPending1764000110000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      ALTER TABLE threshold_state
        ADD COLUMN pending_since timestamptz,
        DROP CONSTRAINT threshold_state_n_check,
        ADD CONSTRAINT threshold_state_n_check CHECK (n >= 0)`);
    await runner.query(`CREATE INDEX threshold_state_firing ON threshold_state (balance_id) WHERE state = 'firing'`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
