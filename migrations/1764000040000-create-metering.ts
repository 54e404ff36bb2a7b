import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of `metering`: prices, what was used, and the movements of money. All three only grow. */
export class CreateMetering1764000040000 implements MigrationInterface {
  readonly name = 'CreateMetering1764000040000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await createPrices(runner);
    await createUsage(runner);
    await createLedger(runner);
    await refuseChanges(runner);
    await createPartitions(runner);
    await runner.query(`GRANT SELECT, INSERT ON price_version, usage_record, ledger_entry TO aip_app`);
    await runner.query(`GRANT SELECT ON price_version, usage_record, ledger_entry TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}

async function createPrices(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE price_version (
      id text PRIMARY KEY CHECK (id ~ '^pv_[0-9a-f]{32}$'),
      vendor text NOT NULL CHECK (length(vendor) BETWEEN 1 AND 100),
      model text NOT NULL CHECK (length(model) BETWEEN 1 AND 200),
      region text CHECK (length(region) BETWEEN 1 AND 100),
      service_tier text NOT NULL CHECK (length(service_tier) BETWEEN 1 AND 100),
      context_from integer NOT NULL CHECK (context_from >= 0),
      daily_from smallint CHECK (daily_from BETWEEN 0 AND 1439),
      daily_to smallint CHECK (daily_to BETWEEN 0 AND 1439),
      meter text NOT NULL,
      currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      amount numeric(28,12) NOT NULL CHECK (amount >= 0),
      effective_from timestamptz NOT NULL,
      effective_to timestamptz CHECK (effective_to > effective_from),
      source text NOT NULL CHECK (length(source) BETWEEN 1 AND 500),
      as_of date NOT NULL,
      confirmed boolean NOT NULL,
      imported_by uuid,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT price_version_daily CHECK ((daily_from IS NULL) = (daily_to IS NULL) AND daily_from <> daily_to),
      CONSTRAINT price_version_selection UNIQUE NULLS NOT DISTINCT
        (vendor, model, region, service_tier, context_from, daily_from, daily_to, meter, effective_from)
    )`);
}

async function createUsage(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE usage_record (
      id uuid NOT NULL,
      org_id uuid NOT NULL,
      at timestamptz NOT NULL,
      request_id uuid NOT NULL,
      attempt integer NOT NULL CHECK (attempt >= 1),
      provider_id uuid NOT NULL,
      provider text NOT NULL,
      deployment_id uuid NOT NULL,
      model text NOT NULL,
      upstream_model text NOT NULL,
      team_id uuid,
      user_id uuid NOT NULL,
      key_id uuid,
      investigation_id uuid,
      operation_id uuid,
      task text,
      criticality text NOT NULL,
      outcome text NOT NULL,
      usage_source text NOT NULL CHECK (usage_source IN ('reported', 'counted', 'estimated', 'none')),
      input bigint NOT NULL CHECK (input >= 0),
      cached_input bigint NOT NULL CHECK (cached_input >= 0),
      cache_write bigint NOT NULL CHECK (cache_write >= 0),
      output bigint NOT NULL CHECK (output >= 0),
      reasoning bigint NOT NULL CHECK (reasoning >= 0),
      extras jsonb NOT NULL,
      currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      cost numeric(28,12) NOT NULL CHECK (cost >= 0),
      price_ids jsonb NOT NULL,
      simulated boolean NOT NULL,
      unconfirmed boolean NOT NULL,
      assumed boolean NOT NULL,
      overrun boolean NOT NULL,
      latency_ms integer,
      ttft_ms integer,
      PRIMARY KEY (id, at),
      CONSTRAINT usage_record_attempt UNIQUE (request_id, attempt, at),
      CONSTRAINT usage_record_currency CHECK (simulated = (currency = 'XTS'))
    ) PARTITION BY RANGE (at)`);
  await runner.query(`CREATE INDEX usage_record_org ON usage_record (org_id, at, id)`);
}

async function createLedger(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE ledger_entry (
      id uuid NOT NULL,
      org_id uuid NOT NULL,
      at timestamptz NOT NULL,
      hold_id uuid,
      request_id uuid,
      kind text NOT NULL CHECK (kind IN ('HOLD', 'EXTEND', 'SHRINK', 'SETTLE', 'RELEASE', 'EXPIRE', 'ADJUST')),
      currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      amount numeric(28,12) NOT NULL,
      balance_ids bigint[] NOT NULL,
      held_delta numeric(28,12)[] NOT NULL,
      posted_delta numeric(28,12)[] NOT NULL,
      reason text NOT NULL,
      ref text,
      PRIMARY KEY (id, at),
      CONSTRAINT ledger_entry_lengths CHECK (
        cardinality(balance_ids) = cardinality(held_delta) AND cardinality(balance_ids) = cardinality(posted_delta)),
      CONSTRAINT ledger_entry_sign CHECK (kind = 'ADJUST' OR amount >= 0),
      CONSTRAINT ledger_entry_hold CHECK (kind = 'ADJUST' OR (hold_id IS NOT NULL AND request_id IS NOT NULL))
    ) PARTITION BY RANGE (at)`);
  await runner.query(`CREATE INDEX ledger_entry_org ON ledger_entry (org_id, at, id)`);
  await runner.query(`CREATE INDEX ledger_entry_request ON ledger_entry (request_id)`);
}

/** Rights alone stop the application; these stop whoever comes with more of them and means no harm. */
async function refuseChanges(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE FUNCTION metering_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% of % is refused: its rows are never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
    END $$`);
  for (const table of ['price_version', 'usage_record', 'ledger_entry']) {
    await runner.query(`
      CREATE TRIGGER ${table}_no_change BEFORE UPDATE OR DELETE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION metering_refuse_change()`);
    await runner.query(`
      CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION metering_refuse_change()`);
  }
}

/** There is no default partition: a row without a month of its own fails where it is written. */
async function createPartitions(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE FUNCTION metering_ensure_months(first_month date, months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE
      month date := date_trunc('month', first_month)::date;
      parent text;
      part text;
      made integer := 0;
    BEGIN
      IF months NOT BETWEEN 1 AND 60 OR month < date '2020-01-01' OR month > (now() + interval '60 months')::date THEN
        RAISE EXCEPTION 'Months from % for % are out of range', first_month, months USING ERRCODE = '22003';
      END IF;
      PERFORM pg_advisory_xact_lock(4242004);
      FOR step IN 1..months LOOP
        FOREACH parent IN ARRAY ARRAY['usage_record', 'ledger_entry'] LOOP
          part := parent || to_char(month, '_YYYY_MM');
          IF to_regclass('public.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', part, parent,
              to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
              to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
            EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON public.%I FOR EACH STATEMENT EXECUTE FUNCTION public.metering_refuse_change()',
              part || '_no_truncate', part);
            made := made + 1;
          END IF;
        END LOOP;
        month := (month + interval '1 month')::date;
      END LOOP;
      RETURN made;
    END $$`);
  await runner.query(`REVOKE ALL ON FUNCTION metering_ensure_months(date, integer) FROM PUBLIC`);
  await runner.query(`GRANT EXECUTE ON FUNCTION metering_ensure_months(date, integer) TO aip_app`);
  await runner.query(`SELECT metering_ensure_months((now() AT TIME ZONE 'UTC')::date, 3)`);
}
