import type { MigrationInterface, QueryRunner } from 'typeorm';

const APPEND_ONLY = ['audit_seq', 'audit_tile', 'audit_checkpoint', 'audit_seal', 'audit_anchor'];

/** The tree over the lanes (evidence page §3, §4): order, tiles, checkpoints, seals, anchors. */
export class CreateAuditTree1764000400000 implements MigrationInterface {
  readonly name = 'CreateAuditTree1764000400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    // A table of its own: on the lane row it would block the lane's writer.
    await runner.query(`
      CREATE TABLE audit_lane_cursor (
        lane uuid PRIMARY KEY REFERENCES audit_lane,
        log_id int NOT NULL REFERENCES audit_log,
        n bigint NOT NULL,
        head_sha256 text NOT NULL,
        head_sha512 text NOT NULL,
        head_sha3 text NOT NULL,
        sealed boolean NOT NULL DEFAULT false
      )`);
    await runner.query(`CREATE INDEX audit_lane_cursor_log ON audit_lane_cursor (log_id) WHERE NOT sealed`);
    await runner.query(`
      CREATE TABLE audit_seq (
        log_id int NOT NULL REFERENCES audit_log,
        first_index bigint NOT NULL,
        lane uuid NOT NULL,
        n0 bigint NOT NULL,
        cnt int NOT NULL CHECK (cnt > 0),
        month date NOT NULL,
        PRIMARY KEY (log_id, first_index),
        UNIQUE (lane, n0)
      )`);
    await runner.query(`
      CREATE TABLE audit_tile (
        log_id int NOT NULL REFERENCES audit_log,
        level smallint NOT NULL,
        idx bigint NOT NULL,
        data bytea NOT NULL CHECK (length(data) = 8192),
        PRIMARY KEY (log_id, level, idx)
      )`);
    await runner.query(`ALTER TABLE audit_tile ALTER COLUMN data SET STORAGE EXTERNAL`);
    await runner.query(`
      CREATE TABLE audit_checkpoint (
        log_id int NOT NULL REFERENCES audit_log,
        size bigint NOT NULL,
        note text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (log_id, size)
      )`);
    await runner.query(`
      CREATE TABLE audit_seal (
        log_id int NOT NULL REFERENCES audit_log,
        no bigint NOT NULL,
        size bigint NOT NULL,
        note text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (log_id, no)
      )`);
    await runner.query(`
      CREATE TABLE audit_anchor (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        log_id int NOT NULL REFERENCES audit_log,
        kind text NOT NULL CHECK (kind IN ('file', 'witness', 'tsa')),
        name text NOT NULL,
        size bigint NOT NULL,
        proof bytea NOT NULL,
        at timestamptz NOT NULL
      )`);
    await runner.query(`CREATE INDEX audit_anchor_newest ON audit_anchor (log_id, kind, name, size DESC)`);
    await runner.query(`CREATE INDEX audit_anchor_size ON audit_anchor (log_id, size)`);
    await this.#refusals(runner);
    await runner.query(`GRANT SELECT, INSERT ON ${APPEND_ONLY.join(', ')}, audit_lane_cursor TO aip_app`);
    await runner.query(`GRANT UPDATE (n, head_sha256, head_sha512, head_sha3, sealed) ON audit_lane_cursor TO aip_app`);
    await runner.query(`GRANT SELECT ON ${APPEND_ONLY.join(', ')}, audit_lane_cursor TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }

  /** What was signed or proves a signature stays; a tree never shrinks; a stopped log never goes on. */
  async #refusals(runner: QueryRunner): Promise<void> {
    for (const table of APPEND_ONLY) {
      await runner.query(
        `CREATE TRIGGER ${table}_refuse BEFORE UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION audit_refuse()`,
      );
      await runner.query(
        `CREATE TRIGGER ${table}_refuse_truncate BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()`,
      );
      await runner.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_refuse`);
      await runner.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_refuse_truncate`);
    }
    await runner.query(`
      CREATE TRIGGER audit_lane_cursor_forward BEFORE UPDATE ON audit_lane_cursor FOR EACH ROW
      WHEN (NEW.n < OLD.n OR NEW.lane <> OLD.lane OR NEW.log_id <> OLD.log_id)
      EXECUTE FUNCTION audit_refuse()`);
    await runner.query(
      `CREATE TRIGGER audit_lane_cursor_keep BEFORE DELETE ON audit_lane_cursor FOR EACH ROW EXECUTE FUNCTION audit_refuse()`,
    );
    await runner.query(`
      CREATE TRIGGER audit_log_forward BEFORE UPDATE ON audit_log FOR EACH ROW
      WHEN (NEW.size < OLD.size OR NEW.origin <> OLD.origin OR NEW.org_id <> OLD.org_id
            OR (OLD.state IN ('closed', 'safe_stop') AND NEW.state <> OLD.state))
      EXECUTE FUNCTION audit_refuse()`);
    for (const trigger of ['audit_lane_cursor_forward', 'audit_lane_cursor_keep']) {
      await runner.query(`ALTER TABLE audit_lane_cursor ENABLE ALWAYS TRIGGER ${trigger}`);
    }
    await runner.query(`ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_forward`);
  }
}
