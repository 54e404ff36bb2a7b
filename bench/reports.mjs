/**
 * What reports cost over a long history: usage rows are made inside a throw-away PostgreSQL, summed by the product's own rollups, and
 * asked through the product's own services; then a FOCUS file is made.
 *
 *   npm run bench:reports [-- --rows 10000000 --days 90 --repeat 20 --focus-rows 1000000]
 *
 * Ends with 1 when an aim is missed: p95 of each report ≤ 300 ms; a long export holds no more memory than a short one.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import pg from 'pg';

const option = (name, standard) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? standard : Number(process.argv[at + 1]);
};
const usageRows = option('rows', 10_000_000);
const days = option('days', 90);
const repeat = option('repeat', 20);
const focusRows = option('focus-rows', Math.min(1_000_000, usageRows));
const P95_MS = 300;
/** What a long export may hold beyond a short one, after a collection; the process as a whole may be lazier. */
const GROWTH_MB = 16;
const DAY_MS = 86_400_000;
const ORG = '0199f3a2-7c1e-7b3a-8000-0000000000a0';
const USER = '0199f3a2-7c1e-7b3a-8000-000000000001';
const dist = (file) => fileURLToPath(new URL(`../dist/src/${file}`, import.meta.url));
const load = (file) => import(dist(file));

const { startEmbeddedPostgres } = await load('platform/postgres/index.js');
const { loadConfig } = await load('platform/config/index.js');
const { createContext } = await load('app.js');
const { MIGRATIONS } = await import(fileURLToPath(new URL('../dist/migrations/index.js', import.meta.url)));
const { createLogger } = await load('platform/logging/index.js');
const { SystemClock } = await load('platform/clock/index.js');
const { initialiseSecrets } = await load('secrets.js');
const { ReportRunner, ReportsService, UsageReportService } = await load('analytics/index.js');
const { RollupsService, MeteringService } = await load('metering/index.js');
const { runMigrations, UnitOfWork } = await load('platform/database/index.js');

const folder = mkdtempSync(path.join(tmpdir(), 'aip-bench-reports-'));
const clock = new SystemClock();
const untilMs = Math.floor(clock.nowMs() / DAY_MS) * DAY_MS;
const fromMs = untilMs - days * DAY_MS;
const seconds = (startedAt) => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
const say = (text) => process.stdout.write(`${text}\n`);
const at = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const heldMemoryMb = () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024 / 1024;
};
const memoryMb = () => process.memoryUsage().rss / 1024 / 1024;

/** 500 people in 20 teams, 200 investigations, 8 deployments of 4 partners; a day has its rhythm, people have their cases. */
const GENERATE = `
  INSERT INTO usage_record (id, org_id, at, request_id, attempt, provider_id, provider, deployment_id, model, upstream_model, team_id,
    user_id, key_id, investigation_id, operation_id, task, criticality, outcome, usage_source, input, cached_input, cache_write, output,
    reasoning, extras, currency, cost, price_ids, simulated, unconfirmed, assumed, overrun, latency_ms, ttft_ms, last_attempt)
  SELECT gen_random_uuid(), $1, r.at, gen_random_uuid(), 1, id('b', r.d / 2), 'partner-' || r.d / 2, id('d', r.d), 'model-' || r.d, 'model-' || r.d,
    id('c', r.u / 25), id('0', r.u), id('e', r.u), id('f', (r.u * 3 + r.k) % 200), NULL, (ARRAY['chat', 'extraction', 'reasoning'])[1 + r.d % 3],
    CASE WHEN r.k = 0 THEN 'sheddable' ELSE 'critical' END, CASE WHEN r.x < 0.01 THEN 'http_error' ELSE 'ok' END, 'reported',
    r.i, 0, 0, r.o, 0, '[]', 'USD', r.i * 0.000001 + r.o * 0.000004, jsonb_build_object('input', $4::text, 'output', $5::text), false,
    r.x > 0.999, false, false, 900, 200, true
  FROM (SELECT $2::timestamptz + random() * interval '1 day' AS at, (power(random(), 2) * 8)::int % 8 AS d,
               (power(random(), 1.5) * 500)::int % 500 AS u, (random() * 3)::int % 3 AS k, random() AS x,
               100 + (random() * 4000)::int AS i, (random() * 900)::int AS o FROM generate_series(1, $3::int)) r`;

async function generate(url, context) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await context
    .get(UnitOfWork)
    .run((tx) => context.get(MeteringService).ensureMonthsFrom(tx, fromMs, Math.ceil(days / 28) + 1));
  await client.query(`CREATE FUNCTION id(kind text, n int) RETURNS uuid IMMUTABLE LANGUAGE sql AS
    $$ SELECT ('0199f3a2-7c1e-7b3a-800' || kind || '-' || lpad(to_hex(n), 12, '0'))::uuid $$`);
  const prices = ['input', 'output'].map((meter) => `pv_${Buffer.from(meter).toString('hex').padEnd(32, '0')}`);
  for (const [index, meter] of ['input', 'output'].entries()) {
    await client.query(
      `INSERT INTO price_version (id, vendor, model, service_tier, context_from, meter, currency, amount, effective_from, source, as_of,
         confirmed) VALUES ($1, 'bench', 'model', 'standard', 0, $2, 'USD', $3, '2020-01-01', 'bench', '2020-01-01', true)`,
      [prices[index], meter, index === 0 ? '0.000001' : '0.000004'],
    );
  }
  for (let day = 0; day < days; day += 1) {
    const count = Math.floor((usageRows * (day + 1)) / days) - Math.floor((usageRows * day) / days);
    await client.query(GENERATE, [ORG, new Date(fromMs + day * DAY_MS), count, ...prices]);
  }
  await client.query('ANALYZE usage_record');
  return client;
}

/** The product's own job may be at it as well: whoever has the lock sums. */
async function sumAll(context, client) {
  for (;;) {
    await context.get(RollupsService).refresh();
    const { rows } = await client.query('SELECT hours_until >= $1 AS done FROM usage_rollup_state', [
      new Date(untilMs),
    ]);
    if (rows[0]?.done === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const principal = {
  kind: 'user',
  orgId: ORG,
  userId: USER,
  teamId: null,
  permissions: new Set(['usage:read:all', 'report:export']),
};
const person = { ...principal, permissions: new Set(['usage:read']) };
const filter = { fromMs, toMs: untilMs, timeZone: 'UTC', currency: 'USD', simulated: false };
const month = { ...filter, fromMs: Math.max(fromMs, untilMs - 30 * DAY_MS) };
const INVESTIGATION = '0199f3a2-7c1e-7b3a-800f-000000000007';

/** Reports and the queries behind screens, by name. */
const QUERIES = {
  'cost by day, whole range': (reports) => reports.usage(principal, { filter, granularity: 'DAY', by: [] }),
  'cost by day and partner': (reports) =>
    reports.usage(principal, { filter, granularity: 'DAY', by: ['PROVIDER', 'MODEL'] }),
  'cost by day in Europe/Berlin, 30 days': (reports) =>
    reports.usage(principal, { filter: { ...month, timeZone: 'Europe/Berlin' }, granularity: 'DAY', by: ['MODEL'] }),
  'tokens by hour, 7 days': (reports) =>
    reports.usage(principal, {
      filter: { ...filter, fromMs: untilMs - 7 * DAY_MS },
      granularity: 'HOUR',
      by: ['MODEL'],
    }),
  'top investigations and people': (reports) =>
    reports.attribution(principal, { filter, by: ['INVESTIGATION', 'USER'], first: 100, offset: 0 }),
  'top people by model, 30 days': (reports) =>
    reports.attribution(principal, { filter: month, by: ['USER', 'MODEL'], first: 100, offset: 0 }),
  'partners, outcomes and tasks': (reports) =>
    reports.attribution(principal, { filter, by: ['PROVIDER', 'OUTCOME', 'TASK'], first: 100, offset: 0 }),
  'one investigation by model': (reports) =>
    reports.attribution(principal, {
      filter: { ...filter, investigations: [INVESTIGATION] },
      by: ['MODEL', 'USER'],
      first: 100,
      offset: 0,
    }),
  'own usage of a person by day': (reports) => reports.usage(person, { filter, granularity: 'DAY', by: ['MODEL'] }),
  'last hours to the minute, ragged': (reports) =>
    reports.usage(principal, {
      filter: { ...filter, fromMs: untilMs - 3 * 3_600_000 + 12_345, toMs: untilMs - 54_321 },
      granularity: 'TOTAL',
      by: ['MODEL'],
    }),
};

async function measure(reports) {
  let missed = 0;
  say('\nquery                                         p50 ms   p95 ms');
  for (const [name, ask] of Object.entries(QUERIES)) {
    const took = [];
    await ask(reports);
    for (let round = 0; round < repeat; round += 1) {
      const startedAt = performance.now();
      await ask(reports);
      took.push(performance.now() - startedAt);
    }
    const p95 = at(took, 0.95);
    if (p95 > P95_MS) missed += 1;
    say(
      `${name.padEnd(44)} ${at(took, 0.5).toFixed(0).padStart(7)} ${p95.toFixed(0).padStart(8)}${p95 > P95_MS ? '  ✗' : ''}`,
    );
  }
  return missed;
}

/** FOCUS files by the hour: of one day, and of as many days as give the rows that were asked for. Memory is constant when the long
 *  one needs no more than the short one. */
async function exportFocus(context, client) {
  const short = await focusFile(context, client, 1);
  const wanted = Math.min(days, Math.max(2, Math.ceil(focusRows / Math.max(1, short.job.rows))));
  const long = await focusFile(context, client, wanted);
  return long.job.state === 'DONE' && long.heldMb - short.heldMb <= GROWTH_MB ? 0 : 1;
}

async function focusFile(context, client, wanted) {
  const query = {
    ...{
      kind: 'focus',
      format: 'csv',
      currency: 'USD',
      includeSimulated: false,
      investigations: [],
      teams: [],
      users: [],
    },
    ...{ by: [], period: 'hour', spec: '1.2', fromMs: untilMs - wanted * DAY_MS, toMs: untilMs },
  };
  // An order is recorded as evidence by a serving replica; here only the file is measured.
  const { id } = await orderWithoutEvidence(client, query, wanted);
  let [peakMb, heldMb] = [0, 0];
  const sampling = setInterval(() => (peakMb = Math.max(peakMb, memoryMb())), 50);
  const holding = setInterval(() => (heldMb = Math.max(heldMb, heldMemoryMb())), 1_000);
  const startedAt = performance.now();
  let job;
  do {
    await context.get(ReportRunner).runNext();
    await new Promise((resolve) => setTimeout(resolve, 50));
    job = await context.get(ReportsService).find(principal, id);
  } while (job.state === 'QUEUED' || job.state === 'RUNNING');
  clearInterval(sampling);
  clearInterval(holding);
  const size = `${job.rows} rows, ${(job.bytes / 1e6).toFixed(0)} MB in ${seconds(startedAt)}`;
  say(`FOCUS export, ${wanted} day(s) by the hour: ${job.state}, ${size}`);
  say(`  memory at most: ${heldMb.toFixed(0)} MB held after a collection, ${peakMb.toFixed(0)} MB RSS`);
  return { job, heldMb };
}

async function orderWithoutEvidence(client, query, units) {
  const { rows } = await client.query(
    `INSERT INTO report_job (id, org_id, kind, format, query, state, units, idempotency_key, fingerprint, requested_by, created_at, expires_at)
     VALUES (gen_random_uuid(), $1, 'focus', 'csv', $2, 'QUEUED', $3::int, 'bench-' || $3::int, '\\x00', $4, now(), now() + interval '1 day') RETURNING id`,
    [ORG, JSON.stringify(query), units, USER],
  );
  return rows[0];
}

const database = await startEmbeddedPostgres({
  dataDir: path.join(folder, 'pg'),
  passwordFile: path.join(folder, 'password'),
  durable: false,
  maxConnections: 50,
});
let missed = 0;
let context;
try {
  await runMigrations(database.url, MIGRATIONS);
  const config = loadConfig(
    { AIP_DATA_DIR: path.join(folder, 'data'), AIP_DEMO: '0', DATABASE_URL: database.url },
    'bench',
  );
  initialiseSecrets(config);
  context = await createContext(
    { ...config, database: config.database.at(database.url) },
    createLogger('silent', clock),
  );
  let startedAt = performance.now();
  const client = await generate(database.url, context);
  say(`${usageRows} usage rows over ${days} days made in ${seconds(startedAt)}`);
  startedAt = performance.now();
  await sumAll(context, client);
  const { rows } = await client.query('SELECT level, count(*)::int AS n FROM usage_rollup GROUP BY 1 ORDER BY 1');
  say(`summed in ${seconds(startedAt)}: ${rows.map(({ level, n }) => `${level} ${n}`).join(', ')}`);
  await client.query('ANALYZE');
  missed += await measure(context.get(UsageReportService));
  say('');
  missed += await exportFocus(context, client);
  await client.end();
} finally {
  await context?.close();
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(missed > 0 ? 1 : 0);
