/**
 * What exact accounting costs: requests that hold a worst case on five budgets and settle it, each end durable, against the same
 * database committing one plain INSERT per request, in the same run and alternating.
 *
 *   npm run bench:ledger [-- --seconds 5 --rounds 3 --in-flight 1,16,64,256 --processes 1,3 | -- --smoke]
 *
 * Ends with 1 when, at 64 in flight in one process, the accounted requests are fewer than the plain INSERTs.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import pg from 'pg';

import { BUDGETS, ORG } from './ledger-world.mjs';
import { median } from './processes.mjs';

const flag = (name) => process.argv.includes(`--${name}`);
const option = (name, standard) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? standard : process.argv[at + 1];
};
const list = (text) => text.split(',').map(Number);
const smoke = flag('smoke');
const seconds = Number(option('seconds', smoke ? '1' : '5'));
const rounds = Number(option('rounds', smoke ? '1' : '3'));
const depths = list(option('in-flight', smoke ? '1,16' : '1,16,64,256'));
const processCounts = list(option('processes', smoke ? '1' : '1,3'));
const AIM_DEPTH = 64;
const WORKER = fileURLToPath(new URL('./ledger-worker.mjs', import.meta.url));
const load = (file) => import(fileURLToPath(new URL(`../dist/${file}`, import.meta.url)));
const say = (text) => process.stdout.write(`${text}\n`);

const { startEmbeddedPostgres } = await load('src/platform/postgres/index.js');
const { loadConfig } = await load('src/platform/config/index.js');
const { createContext } = await load('src/app.js');
const { createLogger } = await load('src/platform/logging/index.js');
const { SystemClock } = await load('src/platform/clock/index.js');
const { initialiseSecrets } = await load('src/secrets.js');
const { runMigrations } = await load('src/platform/database/index.js');
const { ConfigSnapshots } = await load('src/platform/snapshot/index.js');
const { BudgetsService } = await load('src/budgets/index.js');
const { BudgetRepository } = await load('src/budgets/persistence/budget.repository.js');
const { parseAmount } = await load('src/platform/money/index.js');
const { newId } = await load('src/platform/ids/index.js');
const { MIGRATIONS } = await load('migrations/index.js');

const folder = mkdtempSync(path.join(tmpdir(), 'aip-bench-ledger-'));
const dataDir = path.join(folder, 'data');

async function prepare(url, context) {
  const snapshots = context.get(ConfigSnapshots);
  await snapshots.refresh();
  for (const [type, id, metric, amount] of BUDGETS) {
    const limit = {
      id: newId(),
      period: 'MONTH',
      amount: parseAmount(amount),
      custom: null,
      rollover: false,
      thresholds: [],
    };
    await snapshots.change((tx) =>
      context.get(BudgetRepository).insert(tx, {
        ...{
          id: newId(),
          orgId: ORG,
          name: type,
          scope: { type, id },
          each: null,
          metric,
          currency: 'USD',
          enforcement: 'HARD',
        },
        match: { providers: null, models: null, criticalities: null },
        ...{ onExhausted: 'BLOCK', carveOutBp: 0, timeZone: 'UTC', weekStart: 1, includePast: false, managedBy: 'ui' },
        ...{ state: 'active', version: 1, createdAtMs: Date.now(), limits: [limit] },
      }),
    );
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE bench_plain (id uuid PRIMARY KEY, org_id uuid NOT NULL, request_id uuid NOT NULL, at timestamptz NOT NULL,
    currency text NOT NULL, cost numeric(28,12) NOT NULL, note text NOT NULL)`);
  await client.end();
}

/** One run of all processes of a mode at once; their sums. */
async function measure(mode, url, processes, depth) {
  const children = await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = spawn(process.execPath, [WORKER, mode, url, dataDir, String(depth), String(seconds)], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (part) => (text += part));
      const ended = new Promise((resolve, reject) =>
        child.once('close', (code) =>
          code === 0 ? resolve() : reject(new Error(`A ${mode} process ended with ${code}`)),
        ),
      );
      while (!text.includes('ready\n')) {
        await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), ended]);
      }
      return { child, result: ended.then(() => JSON.parse(text.trim().split('\n').at(-1))) };
    }),
  );
  for (const { child } of children) child.stdin.end('go\n');
  const results = await Promise.all(children.map(({ result }) => result));
  return {
    rate: results.reduce((total, { done, lasted }) => total + done / lasted, 0),
    p50: median(results.map(({ p50 }) => p50)),
    p99: Math.max(...results.map(({ p99 }) => p99)),
    cpu: median(results.map(({ cpuMicros }) => cpuMicros)),
    perFlush: median(results.map(({ items = 0, flushes = 1 }) => items / flushes)),
  };
}

const middle = (runs) =>
  Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(runs.map((run) => run[key]))]));
const cell = (value, width) => value.padStart(width);
let missed = false;
const database = await startEmbeddedPostgres({
  dataDir: path.join(folder, 'pg'),
  passwordFile: path.join(folder, 'password'),
  durable: true,
  maxConnections: 300,
});
let context;
try {
  await runMigrations(database.url, MIGRATIONS);
  const config = loadConfig({ AIP_DATA_DIR: dataDir, AIP_DEMO: '0', DATABASE_URL: database.url }, 'bench');
  initialiseSecrets(config);
  context = await createContext(
    { ...config, database: config.database.at(database.url) },
    createLogger('silent', new SystemClock()),
  );
  await prepare(database.url, context);
  say(
    `Node ${process.version}, ${String(cpus().length)} cores (${cpus()[0]?.model ?? '?'}), ${seconds} s a run, median of ${rounds}`,
  );
  say('in flight in all processes together; 5 budgets per request, every COMMIT durable\n');
  say('processes  in flight   INSERT/s  accounted/s   ratio   p50 ms   p99 ms  CPU µs  items/flush');
  for (const processes of processCounts) {
    for (const depth of depths) {
      const own = Math.max(1, Math.round(depth / processes));
      const [plain, ours] = [[], []];
      for (let round = 0; round < rounds; round += 1) {
        plain.push(await measure('insert', database.url, processes, own));
        ours.push(await measure('accounted', database.url, processes, own));
      }
      const [a, b] = [middle(plain), middle(ours)];
      const ratio = median(ours.map(({ rate }, index) => rate / plain[index].rate));
      if (processes === 1 && depth === AIM_DEPTH && ratio < 1) missed = true;
      say(
        cell(String(processes), 9) +
          cell(String(own * processes), 11) +
          cell(a.rate.toFixed(0), 11) +
          cell(b.rate.toFixed(0), 13) +
          cell(ratio.toFixed(2), 8) +
          cell(b.p50.toFixed(1), 9) +
          cell(b.p99.toFixed(1), 9) +
          cell(b.cpu.toFixed(0), 8) +
          cell(b.perFlush.toFixed(1), 13),
      );
    }
  }
  const findings = await context.get(BudgetsService).checkLedger();
  say(`\nledger check: ${findings.length === 0 ? 'clean' : JSON.stringify(findings.slice(0, 3))}`);
  if (findings.length > 0) missed = true;
} finally {
  await context?.close();
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(missed ? 1 : 0);
