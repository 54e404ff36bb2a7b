import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Notices are read in the order in which they became visible, not in which they were numbered: `position` is given after the
 *  transaction of a notice has ended, by one publisher at a time. */
export class OrderOutbox1764000300000 implements MigrationInterface {
  readonly name = 'OrderOutbox1764000300000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`CREATE SEQUENCE outbox_position AS bigint`);
    await runner.query(`ALTER TABLE outbox ADD COLUMN position bigint UNIQUE`);
    // Whoever read these before goes on where they were.
    await runner.query(`UPDATE outbox SET position = seq`);
    await runner.query(`SELECT setval('outbox_position', greatest(1, (SELECT max(seq) FROM outbox)))`);
    await runner.query(`CREATE INDEX outbox_unpublished ON outbox (seq) WHERE position IS NULL`);
    await runner.query(`GRANT USAGE ON SEQUENCE outbox_position TO aip_app`);
    await runner.query(`GRANT UPDATE (position) ON outbox TO aip_app`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
