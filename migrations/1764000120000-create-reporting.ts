import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Rollups, corrections of charges, statements, invoices and exports, and the views that reports read. */
export class CreateReporting1764000120000 implements MigrationInterface {
  readonly name = 'CreateReporting1764000120000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await extendUsage(runner);
    await createAdjustments(runner);
    await createRollups(runner);
    await createViews(runner);
    await createStatements(runner);
    await createInvoices(runner);
    await createReports(runner);
    await grant(runner);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}

/** A request is counted once, at its last attempt: the one that answered, or failed for good. */
async function extendUsage(runner: QueryRunner): Promise<void> {
  await runner.query(`
    ALTER TABLE usage_record ADD COLUMN last_attempt boolean NOT NULL DEFAULT true, ADD COLUMN credential_id uuid`);
  await runner.query(`ALTER TABLE usage_record DISABLE TRIGGER usage_record_no_change`);
  await runner.query(`
    UPDATE usage_record u SET last_attempt = false
     WHERE EXISTS (SELECT FROM usage_record l WHERE l.request_id = u.request_id AND l.attempt > u.attempt)`);
  await runner.query(`ALTER TABLE usage_record ENABLE TRIGGER usage_record_no_change`);
}

async function createAdjustments(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE usage_adjustment (
      id uuid PRIMARY KEY,
      org_id uuid NOT NULL,
      usage_id uuid NOT NULL,
      at timestamptz NOT NULL,
      request_id uuid NOT NULL,
      ledger_entry_id uuid NOT NULL,
      meter text,
      currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      amount numeric(28,12) NOT NULL CHECK (amount <> 0),
      reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
      ref text NOT NULL CHECK (length(ref) BETWEEN 1 AND 200),
      recorded_at timestamptz NOT NULL
    )`);
  await runner.query(`CREATE INDEX usage_adjustment_org ON usage_adjustment (org_id, at)`);
  await runner.query(`CREATE INDEX usage_adjustment_request ON usage_adjustment (request_id)`);
  await runner.query(`
    CREATE TRIGGER usage_adjustment_no_change BEFORE UPDATE OR DELETE ON usage_adjustment
    FOR EACH ROW EXECUTE FUNCTION metering_refuse_change()`);
  await runner.query(`
    CREATE TRIGGER usage_adjustment_no_truncate BEFORE TRUNCATE ON usage_adjustment
    FOR EACH STATEMENT EXECUTE FUNCTION metering_refuse_change()`);
}

const LEVELS = ['hour', 'day'].flatMap((unit) =>
  ['', '_partner', '_case', '_user', '_investigation'].map((cut) => `${unit}${cut}`),
);

/** The plain levels know everything; `partner` what answered, `case` whom it was for, `user` and `investigation` what answered one
 *  of those: reports read the smallest that knows enough. */
async function createRollups(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE usage_rollup (
      level text NOT NULL,
      start timestamptz NOT NULL,
      org_id uuid NOT NULL,
      currency text NOT NULL,
      simulated boolean NOT NULL,
      synthetic boolean NOT NULL DEFAULT false,
      provider text,
      deployment_id uuid,
      model text,
      task text,
      criticality text,
      tier text,
      outcome text,
      team_id uuid,
      user_id uuid,
      key_id uuid,
      investigation_id uuid,
      operation_id uuid,
      requests bigint NOT NULL,
      input bigint NOT NULL,
      cached_input bigint NOT NULL,
      cache_write bigint NOT NULL,
      output bigint NOT NULL,
      reasoning bigint NOT NULL,
      cost numeric(28,12) NOT NULL,
      unconfirmed numeric(28,12) NOT NULL,
      CONSTRAINT usage_rollup_currency CHECK (simulated = (currency = 'XTS')),
      CONSTRAINT usage_rollup_synthetic CHECK (simulated OR NOT synthetic)
    ) PARTITION BY LIST (level)`);
  for (const level of LEVELS) {
    await runner.query(`CREATE TABLE usage_rollup_${level} PARTITION OF usage_rollup FOR VALUES IN ('${level}')`);
  }
  await runner.query(`CREATE INDEX usage_rollup_org ON usage_rollup (org_id, start)`);
  for (const level of ['hour', 'day'] as const) {
    for (const column of ['user', 'investigation', 'team'] as const) {
      await runner.query(`
        CREATE INDEX usage_rollup_${level}_by_${column} ON usage_rollup_${level} (org_id, ${column}_id, start)`);
    }
  }
  await runner.query(`
    CREATE TABLE usage_rollup_state (
      id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
      hours_until timestamptz NOT NULL,
      days_until timestamptz NOT NULL,
      refreshed_at timestamptz NOT NULL
    )`);
  await runner.query(`CREATE TABLE usage_rollup_dirty (hour timestamptz PRIMARY KEY, marked_at timestamptz NOT NULL)`);
  await runner.query(`
    CREATE TABLE usage_rollup_check (
      day date NOT NULL,
      org_id uuid NOT NULL,
      currency text NOT NULL,
      usage numeric(28,12) NOT NULL,
      rollup numeric(28,12) NOT NULL,
      ledger numeric(28,12) NOT NULL,
      checked_at timestamptz NOT NULL,
      PRIMARY KEY (day, org_id, currency)
    )`);
}

const WHO = 'u.team_id, u.user_id, u.key_id, u.investigation_id, u.operation_id';
const WHAT = 'u.provider, u.deployment_id, u.model, u.task, u.criticality, p.service_tier AS tier, u.outcome';
/** Any price of a record names the tier that was billed. */
const TIER = `LEFT JOIN price_version p ON p.id = jsonb_path_query_first(u.price_ids, '$.*') #>> '{}'`;

async function createViews(runner: QueryRunner): Promise<void> {
  await runner.query(`DROP VIEW usage_fact`);
  await runner.query(`
    CREATE VIEW usage_fact AS
      SELECT u.org_id, u.at, u.currency, u.simulated, ${WHAT}, ${WHO}, u.last_attempt::int AS requests, u.input, u.cached_input,
             u.cache_write, u.output, u.reasoning, u.cost, CASE WHEN u.unconfirmed THEN u.cost ELSE 0 END AS unconfirmed
        FROM usage_record u ${TIER}
      UNION ALL
      SELECT u.org_id, u.at, u.currency, u.simulated, ${WHAT}, ${WHO}, 0, 0, 0, 0, 0, 0, a.amount, 0
        FROM usage_adjustment a JOIN usage_record u ON u.id = a.usage_id AND u.at = a.at ${TIER}`);
  await runner.query(`
    CREATE VIEW usage_meter_fact AS
      SELECT u.id, u.org_id, u.at, u.request_id, u.provider_id, u.provider, u.deployment_id, u.credential_id, u.model, u.upstream_model,
             ${WHO}, u.criticality, u.usage_source, u.currency, u.simulated, u.unconfirmed, u.assumed, m.meter, m.quantity, m.price_id,
             m.unit_price, m.tier, m.cost, 'usage'::text AS source, u.at AS recorded_at, u.last_attempt
        FROM usage_record u CROSS JOIN LATERAL (
          WITH priced AS (
            SELECT q.meter, sum(q.quantity) AS quantity, q.price_id, v.amount AS unit_price, v.service_tier AS tier,
                   sum(q.quantity) * v.amount AS cost
              FROM (SELECT t.meter, t.quantity, u.price_ids ->> t.meter AS price_id
                      FROM (VALUES ('input', u.input::numeric), ('cachedInput', u.cached_input), ('cacheWrite', u.cache_write),
                                   ('output', u.output), ('reasoning', u.reasoning)) AS t(meter, quantity)
                    UNION ALL
                    SELECT e ->> 'meter', (e ->> 'quantity')::numeric, u.price_ids ->> (e ->> 'meter')
                      FROM jsonb_array_elements(u.extras) AS e) q
              JOIN price_version v ON v.id = q.price_id
             WHERE q.quantity > 0 GROUP BY q.meter, q.price_id, v.amount, v.service_tier)
          SELECT * FROM priced
          UNION ALL
          SELECT NULL, NULL, NULL, NULL, NULL, u.cost - coalesce((SELECT sum(cost) FROM priced), 0)
           WHERE u.cost <> coalesce((SELECT sum(cost) FROM priced), 0)) m
      UNION ALL
      SELECT u.id, u.org_id, u.at, u.request_id, u.provider_id, u.provider, u.deployment_id, u.credential_id, u.model, u.upstream_model,
             ${WHO}, u.criticality, u.usage_source, u.currency, u.simulated, u.unconfirmed, u.assumed, a.meter, NULL, NULL,
             NULL, NULL, a.amount, 'adjustment', a.recorded_at, false
        FROM usage_adjustment a JOIN usage_record u ON u.id = a.usage_id AND u.at = a.at`);
  await runner.query(`
    CREATE VIEW usage_current AS
      SELECT ${CURRENT} FROM usage_rollup
       WHERE level = 'day' AND NOT synthetic AND start < (SELECT days_until FROM usage_rollup_state)
      UNION ALL
      SELECT ${CURRENT} FROM usage_rollup
       WHERE level = 'hour' AND NOT synthetic AND start >= (SELECT days_until FROM usage_rollup_state)
         AND start < (SELECT hours_until FROM usage_rollup_state)
      UNION ALL
      SELECT ${CURRENT.replace('start', 'at')} FROM usage_fact
       WHERE at >= coalesce((SELECT hours_until FROM usage_rollup_state), '-infinity'::timestamptz)`);
  await runner.query(`
    CREATE VIEW deployment_fact AS
      SELECT d.id, d.provider_id, p.name AS provider, p.vendor, d.region, d.model, d.upstream_model, d.capabilities
        FROM deployment d JOIN provider p ON p.id = d.provider_id`);
}

const CURRENT =
  'start, org_id, currency, simulated, provider, model, team_id, user_id, investigation_id, requests, input, cached_input, ' +
  'cache_write, output, reasoning, cost, unconfirmed';

async function createStatements(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE cost_centre_member (
      org_id uuid NOT NULL,
      kind text NOT NULL CHECK (kind IN ('INVESTIGATION', 'TEAM')),
      subject_id uuid NOT NULL,
      cost_centre text NOT NULL CHECK (cost_centre ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$'),
      set_by uuid NOT NULL,
      set_at timestamptz NOT NULL,
      PRIMARY KEY (org_id, kind, subject_id)
    )`);
  await runner.query(`
    CREATE TABLE statement (
      id uuid PRIMARY KEY,
      org_id uuid NOT NULL,
      scope_type text NOT NULL CHECK (scope_type IN ('ORGANISATION', 'TEAM', 'INVESTIGATION', 'COST_CENTRE')),
      scope_id text NOT NULL CHECK (length(scope_id) BETWEEN 1 AND 200),
      month date NOT NULL CHECK (extract(day FROM month) = 1),
      currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      state text NOT NULL CHECK (state IN ('DRAFT', 'FINAL')),
      lines integer NOT NULL,
      total numeric(28,12) NOT NULL,
      corrections numeric(28,12) NOT NULL,
      sha256 bytea CHECK (octet_length(sha256) = 32),
      audit jsonb NOT NULL,
      as_of timestamptz NOT NULL,
      made_by uuid NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT statement_final CHECK ((state = 'FINAL') = (sha256 IS NOT NULL))
    )`);
  await runner.query(`CREATE INDEX statement_list ON statement (org_id, created_at, id)`);
  await runner.query(`
    CREATE UNIQUE INDEX statement_scope ON statement (org_id, scope_type, scope_id, month, currency, state)`);
  await runner.query(`
    CREATE TABLE statement_line (
      statement_id uuid NOT NULL REFERENCES statement (id) ON DELETE CASCADE,
      n integer NOT NULL CHECK (n >= 1),
      class text NOT NULL CHECK (class IN ('USAGE', 'CORRECTION')),
      month date NOT NULL,
      team_id uuid,
      investigation_id uuid,
      provider text NOT NULL,
      model text NOT NULL,
      requests bigint NOT NULL,
      tokens bigint NOT NULL,
      cost numeric(28,12) NOT NULL,
      unconfirmed numeric(28,12) NOT NULL,
      PRIMARY KEY (statement_id, n)
    )`);
  await runner.query(`
    CREATE VIEW stated_month AS
      SELECT org_id, month, currency, as_of FROM statement WHERE scope_type = 'ORGANISATION' AND state = 'FINAL'`);
  // A draft is replaced as often as needed; what was stated for good is never touched again.
  await runner.query(`
    CREATE FUNCTION statement_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_TABLE_NAME = 'statement' THEN
        IF OLD.state = 'FINAL' THEN RAISE EXCEPTION 'A final statement is never changed' USING ERRCODE = '42501'; END IF;
      ELSIF EXISTS (SELECT FROM statement s WHERE s.id = OLD.statement_id AND s.state = 'FINAL') THEN
        RAISE EXCEPTION 'A final statement is never changed' USING ERRCODE = '42501';
      END IF;
      RETURN OLD;
    END $$`);
  for (const table of ['statement', 'statement_line']) {
    await runner.query(`
      CREATE TRIGGER ${table}_no_change BEFORE UPDATE OR DELETE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION statement_refuse_change()`);
  }
}

async function createInvoices(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE invoice (
      id uuid PRIMARY KEY,
      org_id uuid NOT NULL,
      provider text NOT NULL CHECK (length(provider) BETWEEN 1 AND 100),
      number text NOT NULL CHECK (length(number) BETWEEN 1 AND 100),
      currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      from_day date NOT NULL,
      to_day date NOT NULL CHECK (to_day >= from_day),
      lines integer NOT NULL,
      total numeric(28,12) NOT NULL,
      other_total numeric(28,12) NOT NULL,
      sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
      imported_by uuid NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT invoice_number UNIQUE (org_id, provider, number)
    )`);
  await runner.query(`CREATE INDEX invoice_list ON invoice (org_id, created_at, id)`);
  await runner.query(`
    CREATE TABLE invoice_line (
      invoice_id uuid NOT NULL REFERENCES invoice (id),
      n integer NOT NULL,
      kind text NOT NULL CHECK (kind IN ('USAGE', 'CREDIT', 'TAX')),
      credential text,
      day date,
      model text,
      meter text,
      quantity numeric(28,6),
      amount numeric(28,12) NOT NULL,
      PRIMARY KEY (invoice_id, n),
      CONSTRAINT invoice_line_usage CHECK (kind <> 'USAGE' OR (day IS NOT NULL AND model IS NOT NULL))
    )`);
  await runner.query(`
    CREATE TABLE reconciliation (
      id uuid PRIMARY KEY,
      org_id uuid NOT NULL,
      invoice_id uuid NOT NULL REFERENCES invoice (id),
      state text NOT NULL CHECK (state IN ('OPEN', 'PROPOSED', 'POSTED')),
      ours numeric(28,12) NOT NULL,
      theirs numeric(28,12) NOT NULL,
      cells integer NOT NULL,
      version integer NOT NULL,
      made_by uuid NOT NULL,
      verdicts text[],
      proposed_by uuid,
      reason text,
      posted_by uuid,
      posted_at timestamptz,
      posted_amount numeric(28,12),
      created_at timestamptz NOT NULL,
      CONSTRAINT reconciliation_four_eyes CHECK (posted_by IS NULL OR posted_by <> proposed_by)
    )`);
  await runner.query(`CREATE INDEX reconciliation_list ON reconciliation (org_id, created_at, id)`);
  await runner.query(`
    CREATE UNIQUE INDEX reconciliation_posted ON reconciliation (invoice_id) WHERE state IN ('PROPOSED', 'POSTED')`);
  await runner.query(`
    CREATE TABLE reconciliation_cell (
      reconciliation_id uuid NOT NULL REFERENCES reconciliation (id),
      n integer NOT NULL,
      day date NOT NULL,
      credential text,
      model text NOT NULL,
      meter text,
      verdict text NOT NULL CHECK (verdict IN ('MATCHED', 'WITHIN', 'OVER', 'UNDER', 'ONLY_OURS', 'ONLY_THEIRS')),
      ours numeric(28,12) NOT NULL,
      theirs numeric(28,12) NOT NULL,
      our_quantity numeric(28,6),
      their_quantity numeric(28,6),
      unconfirmed numeric(28,12) NOT NULL,
      counted numeric(28,12) NOT NULL,
      assumed numeric(28,12) NOT NULL,
      PRIMARY KEY (reconciliation_id, n)
    )`);
}

async function createReports(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE report_job (
      id uuid PRIMARY KEY,
      org_id uuid NOT NULL,
      kind text NOT NULL CHECK (kind IN ('usage', 'chargeback', 'focus')),
      format text NOT NULL CHECK (format IN ('csv', 'jsonl')),
      query jsonb NOT NULL,
      state text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
      units_done integer NOT NULL DEFAULT 0,
      units integer NOT NULL,
      rows bigint NOT NULL DEFAULT 0,
      bytes bigint NOT NULL DEFAULT 0,
      manifest jsonb,
      error text,
      attempts integer NOT NULL DEFAULT 0,
      lease_until timestamptz,
      idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
      fingerprint bytea NOT NULL,
      requested_by uuid NOT NULL,
      created_at timestamptz NOT NULL,
      finished_at timestamptz,
      expires_at timestamptz NOT NULL,
      CONSTRAINT report_job_idempotency UNIQUE (org_id, requested_by, idempotency_key)
    )`);
  await runner.query(`CREATE INDEX report_job_list ON report_job (org_id, created_at, id)`);
  await runner.query(`CREATE INDEX report_job_open ON report_job (created_at) WHERE state IN ('QUEUED', 'RUNNING')`);
  await runner.query(`
    CREATE TABLE report_chunk (
      job_id uuid NOT NULL REFERENCES report_job (id) ON DELETE CASCADE,
      n integer NOT NULL,
      unit integer NOT NULL,
      rows integer NOT NULL,
      starts_at bigint NOT NULL,
      bytes integer NOT NULL,
      content bytea NOT NULL,
      PRIMARY KEY (job_id, n)
    )`);
  // Chunks are compressed before they are written.
  await runner.query(`ALTER TABLE report_chunk ALTER COLUMN content SET STORAGE EXTERNAL`);
}

async function grant(runner: QueryRunner): Promise<void> {
  const views = 'usage_fact, usage_meter_fact, usage_current, deployment_fact, stated_month';
  await runner.query(`GRANT SELECT ON ${views} TO aip_app, aip_auditor`);
  await runner.query(`GRANT SELECT, INSERT ON usage_adjustment, invoice, invoice_line TO aip_app`);
  await runner.query(`GRANT SELECT, INSERT, DELETE ON usage_rollup, report_chunk TO aip_app`);
  await runner.query(
    `GRANT SELECT, INSERT, UPDATE ON usage_rollup_state, usage_rollup_check, reconciliation TO aip_app`,
  );
  await runner.query(`GRANT SELECT, INSERT, DELETE ON reconciliation_cell, statement, statement_line TO aip_app`);
  await runner.query(
    `GRANT SELECT, INSERT, UPDATE, DELETE ON usage_rollup_dirty, report_job, cost_centre_member TO aip_app`,
  );
  await runner.query(`
    GRANT SELECT ON usage_adjustment, usage_rollup, usage_rollup_state, usage_rollup_check, invoice, invoice_line, reconciliation,
      reconciliation_cell, statement, statement_line, cost_centre_member TO aip_auditor`);
}
