import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The evidence log (evidence page §3, §8): lanes, batches, vault. What is appended stays. */
export class CreateAudit1764000010000 implements MigrationInterface {
  readonly name = 'CreateAudit1764000010000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE audit_log (
        log_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        origin text NOT NULL UNIQUE,
        slug text NOT NULL,
        org_id uuid NOT NULL,
        inception timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closing', 'closed', 'safe_stop')),
        size bigint NOT NULL DEFAULT 0,
        root bytea,
        frontier bytea,
        epoch bigint NOT NULL DEFAULT 0,
        leader uuid,
        lease_until timestamptz
      )`);
    await runner.query(`CREATE INDEX audit_log_org ON audit_log (org_id, slug)`);
    await runner.query(`
      CREATE TABLE audit_lane (
        lane uuid PRIMARY KEY,
        log_id int NOT NULL REFERENCES audit_log,
        replica uuid NOT NULL,
        boot_id uuid NOT NULL,
        n bigint NOT NULL,
        head_sha256 text NOT NULL,
        head_sha512 text NOT NULL,
        head_sha3 text NOT NULL,
        lease_until timestamptz NOT NULL,
        closed_at timestamptz
      ) WITH (fillfactor = 50)`);
    await runner.query(`CREATE INDEX audit_lane_open ON audit_lane (lease_until) WHERE closed_at IS NULL`);
    await runner.query(`
      CREATE TABLE audit_batch (
        log_id int NOT NULL, month date NOT NULL, lane uuid NOT NULL, n0 bigint NOT NULL, cnt int NOT NULL CHECK (cnt > 0),
        at timestamptz NOT NULL, leaves bytea NOT NULL, body bytea NOT NULL,
        PRIMARY KEY (log_id, month, lane, n0)
      ) PARTITION BY LIST (log_id)`);
    await runner.query(`
      CREATE TABLE audit_vault (
        log_id int NOT NULL, month date NOT NULL, lane uuid NOT NULL, n0 bigint NOT NULL, blobs bytea NOT NULL,
        PRIMARY KEY (log_id, month, lane, n0)
      ) PARTITION BY LIST (log_id)`);
    await runner.query(`
      CREATE TABLE audit_content (
        log_id int NOT NULL, month date NOT NULL, id uuid NOT NULL, dek_id uuid NOT NULL, media_type text NOT NULL,
        bytes bigint NOT NULL, nonce bytea NOT NULL, ct bytea NOT NULL,
        PRIMARY KEY (log_id, month, id)
      ) PARTITION BY LIST (log_id)`);
    await runner.query(`
      CREATE TABLE audit_open_intent (
        req uuid PRIMARY KEY,
        intent_id uuid NOT NULL,
        lane uuid NOT NULL,
        opened_at timestamptz NOT NULL,
        deadline_at timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE audit_dek (
        dek_id uuid PRIMARY KEY,
        log_id int NOT NULL REFERENCES audit_log,
        class text NOT NULL CHECK (class IN ('o', 's')),
        subject_tag text NOT NULL,
        quarter text NOT NULL,
        wrapped bytea NOT NULL,
        UNIQUE (log_id, class, subject_tag, quarter)
      )`);
    await this.#refusals(runner);
    await this.#forwardOnly(runner);
    await this.#partitions(runner);
    await this.#grants(runner);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }

  /** Triggers that stop the owner too, also under session_replication_role = replica. */
  async #refusals(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
      END $$`);
    for (const table of ['audit_batch', 'audit_vault', 'audit_content']) {
      await runner.query(
        `CREATE TRIGGER ${table}_refuse BEFORE UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION audit_refuse()`,
      );
      await runner.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_refuse`);
      await runner.query(
        `CREATE TRIGGER ${table}_refuse_truncate BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()`,
      );
      await runner.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_refuse_truncate`);
    }
  }

  /** A lane never goes back, never changes its log and never opens again; what was committed stays appended. */
  async #forwardOnly(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TRIGGER audit_lane_forward BEFORE UPDATE ON audit_lane FOR EACH ROW
      WHEN (OLD.closed_at IS NOT NULL OR NEW.n < OLD.n OR NEW.lane <> OLD.lane OR NEW.log_id <> OLD.log_id)
      EXECUTE FUNCTION audit_refuse()`);
    await runner.query(
      `CREATE TRIGGER audit_lane_keep BEFORE DELETE ON audit_lane FOR EACH ROW EXECUTE FUNCTION audit_refuse()`,
    );
    await runner.query(
      `CREATE TRIGGER audit_lane_keep_all BEFORE TRUNCATE ON audit_lane FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()`,
    );
    await runner.query(
      `CREATE TRIGGER audit_log_keep BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_refuse()`,
    );
    await runner.query(
      `CREATE TRIGGER audit_log_keep_all BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()`,
    );
    for (const trigger of ['audit_lane_forward', 'audit_lane_keep', 'audit_lane_keep_all']) {
      await runner.query(`ALTER TABLE audit_lane ENABLE ALWAYS TRIGGER ${trigger}`);
    }
    for (const trigger of ['audit_log_keep', 'audit_log_keep_all']) {
      await runner.query(`ALTER TABLE audit_log ENABLE ALWAYS TRIGGER ${trigger}`);
    }
  }

  /** Partitions of a log and month. TRUNCATE triggers do not pass to partitions: they are made here. */
  async #partitions(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION audit_ensure_partitions(wanted_log int, wanted_month date) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
      DECLARE
        parent text;
        of_log text;
        of_month text;
        first_day date := date_trunc('month', wanted_month)::date;
      BEGIN
        IF NOT EXISTS (SELECT FROM audit_log WHERE log_id = wanted_log) THEN
          RAISE EXCEPTION 'There is no log %', wanted_log USING ERRCODE = 'foreign_key_violation';
        END IF;
        PERFORM pg_advisory_xact_lock(4242004);
        FOREACH parent IN ARRAY ARRAY['audit_batch', 'audit_vault', 'audit_content'] LOOP
          of_log := format('%s_l%s', parent, wanted_log);
          of_month := format('%s_%s', of_log, to_char(first_day, 'YYYYMM'));
          IF to_regclass(of_log) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%s) PARTITION BY RANGE (month)', of_log, parent, wanted_log);
            EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', of_log || '_refuse_truncate', of_log);
            EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', of_log, of_log || '_refuse_truncate');
          END IF;
          IF to_regclass(of_month) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', of_month, of_log, first_day, first_day + interval '1 month');
            EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', of_month || '_refuse_truncate', of_month);
            EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', of_month, of_month || '_refuse_truncate');
            -- Hashes and ciphertext do not compress.
            EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STORAGE EXTERNAL', of_month,
              CASE parent WHEN 'audit_batch' THEN 'leaves' WHEN 'audit_vault' THEN 'blobs' ELSE 'ct' END);
          END IF;
        END LOOP;
      END $$`);
    await runner.query(`REVOKE ALL ON FUNCTION audit_ensure_partitions(int, date) FROM PUBLIC`);
    await runner.query(`GRANT EXECUTE ON FUNCTION audit_ensure_partitions(int, date) TO aip_app`);
  }

  async #grants(runner: QueryRunner): Promise<void> {
    await runner.query(`GRANT SELECT, INSERT ON audit_batch, audit_vault, audit_content, audit_dek TO aip_app`);
    await runner.query(`GRANT SELECT, INSERT ON audit_log, audit_lane TO aip_app`);
    await runner.query(
      `GRANT UPDATE (n, head_sha256, head_sha512, head_sha3, lease_until, closed_at) ON audit_lane TO aip_app`,
    );
    await runner.query(
      `GRANT UPDATE (state, size, root, frontier, epoch, leader, lease_until) ON audit_log TO aip_app`,
    );
    await runner.query(`GRANT SELECT, INSERT, DELETE ON audit_open_intent TO aip_app`);
    await runner.query(
      `GRANT SELECT ON audit_log, audit_lane, audit_batch, audit_vault, audit_content, audit_dek, audit_open_intent TO aip_auditor`,
    );
  }
}
