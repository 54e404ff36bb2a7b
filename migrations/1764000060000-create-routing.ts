import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Routing policies, and the decision behind every routed request. */
export class CreateRouting1764000060000 implements MigrationInterface {
  readonly name = 'CreateRouting1764000060000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE TABLE routing_policy (
        id uuid PRIMARY KEY,
        org_id uuid NOT NULL,
        name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
        version integer NOT NULL CHECK (version > 0),
        body jsonb NOT NULL,
        active boolean NOT NULL,
        created_by uuid,
        created_at timestamptz NOT NULL,
        CONSTRAINT routing_policy_version UNIQUE (org_id, version)
      )`);
    await runner.query(`CREATE UNIQUE INDEX routing_policy_active ON routing_policy (org_id) WHERE active`);
    await runner.query(`
      CREATE TABLE route_decision (
        request_id uuid NOT NULL,
        org_id uuid NOT NULL,
        at timestamptz NOT NULL,
        snapshot text NOT NULL,
        digest bytea NOT NULL CHECK (octet_length(digest) = 32),
        body bytea NOT NULL,
        PRIMARY KEY (request_id, at)
      ) PARTITION BY RANGE (at)`);
    await this.#refuseChanges(runner);
    await this.#createPartitions(runner);
    await runner.query(`GRANT SELECT, INSERT ON routing_policy, route_decision TO aip_app`);
    await runner.query(`GRANT UPDATE (active) ON routing_policy TO aip_app`);
    await runner.query(`GRANT SELECT ON routing_policy, route_decision TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }

  async #refuseChanges(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION routing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% of % is refused: its rows are never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
      END $$`);
    await runner.query(`
      CREATE TRIGGER route_decision_no_change BEFORE UPDATE OR DELETE ON route_decision
      FOR EACH ROW EXECUTE FUNCTION routing_refuse_change()`);
    await runner.query(`
      CREATE TRIGGER route_decision_no_truncate BEFORE TRUNCATE ON route_decision
      FOR EACH STATEMENT EXECUTE FUNCTION routing_refuse_change()`);
  }

  /** There is no default partition: a row without a month of its own fails where it is written. */
  async #createPartitions(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION routing_ensure_months(first_month date, months integer) RETURNS integer
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
      DECLARE
        month date := date_trunc('month', first_month)::date;
        part text;
        made integer := 0;
      BEGIN
        IF months NOT BETWEEN 1 AND 60 OR month < date '2020-01-01' OR month > (now() + interval '60 months')::date THEN
          RAISE EXCEPTION 'Months from % for % are out of range', first_month, months USING ERRCODE = '22003';
        END IF;
        PERFORM pg_advisory_xact_lock(4242006);
        FOR step IN 1..months LOOP
          part := 'route_decision' || to_char(month, '_YYYY_MM');
          IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.route_decision FOR VALUES FROM (%L) TO (%L)', part,
              to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
              to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
            EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON public.%I FOR EACH STATEMENT EXECUTE FUNCTION public.routing_refuse_change()',
              part || '_no_truncate', part);
            made := made + 1;
          END IF;
          month := (month + interval '1 month')::date;
        END LOOP;
        RETURN made;
      END $$`);
    await runner.query(`REVOKE ALL ON FUNCTION routing_ensure_months(date, integer) FROM PUBLIC`);
    await runner.query(`GRANT EXECUTE ON FUNCTION routing_ensure_months(date, integer) TO aip_app`);
    await runner.query(`SELECT routing_ensure_months((now() AT TIME ZONE 'UTC')::date, 3)`);
  }
}
