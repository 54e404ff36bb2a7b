import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of `budgets`: what may be spent, what is spent and held, and which thresholds fired. */
export class CreateBudgets1764000050000 implements MigrationInterface {
  readonly name = 'CreateBudgets1764000050000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await createShape(runner);
    await createState(runner);
    await runner.query(
      `GRANT SELECT, INSERT, UPDATE ON budget, budget_limit, budget_balance, threshold_state TO aip_app`,
    );
    await runner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON hold TO aip_app`);
    await runner.query(`GRANT SELECT ON budget, budget_limit, budget_balance, hold, threshold_state TO aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}

async function createShape(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE budget (
      id uuid PRIMARY KEY,
      org_id uuid NOT NULL,
      name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
      scope_type text NOT NULL CHECK (scope_type IN
        ('ORGANISATION', 'TEAM', 'USER', 'INVESTIGATION', 'OPERATION', 'KEY', 'PROVIDER', 'MODEL')),
      scope_id text NOT NULL CHECK (length(scope_id) BETWEEN 1 AND 200),
      each text CHECK (each IN ('TEAM', 'USER', 'INVESTIGATION', 'OPERATION', 'KEY')),
      match jsonb NOT NULL,
      metric text NOT NULL CHECK (metric IN ('COST', 'TOKENS', 'REQUESTS')),
      currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
      enforcement text NOT NULL CHECK (enforcement IN ('MONITOR', 'SOFT', 'HARD')),
      on_exhausted text NOT NULL CHECK (on_exhausted IN ('BLOCK', 'DOWNGRADE', 'APPROVAL')),
      carve_out_bp integer NOT NULL CHECK (carve_out_bp BETWEEN 0 AND 10000),
      time_zone text NOT NULL,
      week_start smallint NOT NULL CHECK (week_start BETWEEN 1 AND 7),
      include_past boolean NOT NULL,
      managed_by text NOT NULL CHECK (managed_by IN ('ui', 'file')),
      state text NOT NULL CHECK (state IN ('active', 'archived')),
      demo boolean NOT NULL DEFAULT false,
      version integer NOT NULL,
      created_at timestamptz NOT NULL
    )`);
  await runner.query(`CREATE INDEX budget_list ON budget (org_id, created_at, id)`);
  await runner.query(`CREATE UNIQUE INDEX budget_name ON budget (org_id, name) WHERE state = 'active'`);
  await runner.query(`
    CREATE TABLE budget_limit (
      id uuid PRIMARY KEY,
      budget_id uuid NOT NULL REFERENCES budget (id),
      org_id uuid NOT NULL,
      period text NOT NULL CHECK (period IN ('DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR', 'LIFETIME', 'CUSTOM')),
      amount numeric(28,12) NOT NULL CHECK (amount >= 0),
      starts_at timestamptz,
      ends_at timestamptz,
      rollover boolean NOT NULL,
      thresholds jsonb NOT NULL,
      active boolean NOT NULL DEFAULT true,
      CONSTRAINT budget_limit_custom CHECK (
        (period = 'CUSTOM') = (starts_at IS NOT NULL AND ends_at IS NOT NULL) AND starts_at < ends_at)
    )`);
  await runner.query(`CREATE INDEX budget_limit_budget ON budget_limit (budget_id)`);
}

async function createState(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE budget_balance (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      limit_id uuid NOT NULL REFERENCES budget_limit (id),
      org_id uuid NOT NULL,
      subject text NOT NULL,
      starts_at timestamptz NOT NULL,
      ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
      metric text NOT NULL,
      currency text NOT NULL,
      enforcement text NOT NULL,
      limit_amount numeric(28,12) NOT NULL,
      rollover_amount numeric(28,12) NOT NULL DEFAULT 0 CHECK (rollover_amount >= 0),
      extra_amount numeric(28,12) NOT NULL DEFAULT 0 CHECK (extra_amount >= 0),
      carve_out_bp integer NOT NULL,
      posted numeric(28,12) NOT NULL DEFAULT 0,
      held numeric(28,12) NOT NULL DEFAULT 0 CHECK (held >= 0),
      overrun numeric(28,12) NOT NULL DEFAULT 0 CHECK (overrun >= 0),
      peak numeric(28,12) NOT NULL DEFAULT 0,
      fires_at numeric(28,12),
      calms_below numeric(28,12),
      version bigint NOT NULL DEFAULT 1,
      CONSTRAINT budget_balance_window UNIQUE (limit_id, subject, starts_at)
    ) WITH (fillfactor = 50)`);
  await runner.query(`
    CREATE TABLE hold (
      id uuid PRIMARY KEY,
      org_id uuid NOT NULL,
      request_id uuid NOT NULL,
      state text NOT NULL CHECK (state IN ('held', 'settled', 'released', 'expired')),
      currency text NOT NULL,
      amount numeric(28,12) NOT NULL CHECK (amount >= 0),
      balance_ids bigint[] NOT NULL,
      amounts numeric(28,12)[] NOT NULL,
      plan jsonb NOT NULL,
      opened_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT hold_lengths CHECK (cardinality(balance_ids) = cardinality(amounts))
    ) WITH (fillfactor = 70)`);
  await runner.query(`CREATE INDEX hold_open ON hold (expires_at) WHERE state = 'held'`);
  await runner.query(`CREATE INDEX hold_request ON hold (request_id)`);
  await runner.query(`
    CREATE TABLE threshold_state (
      balance_id bigint NOT NULL REFERENCES budget_balance (id),
      threshold_id text NOT NULL,
      org_id uuid NOT NULL,
      state text NOT NULL CHECK (state IN ('ok', 'firing')),
      since timestamptz NOT NULL,
      n integer NOT NULL CHECK (n >= 1),
      PRIMARY KEY (balance_id, threshold_id)
    )`);
}
