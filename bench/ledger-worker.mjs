/**
 * One process of `ledger.mjs`: keeps so many requests in flight for so long and prints what it managed.
 *
 *   node bench/ledger-worker.mjs insert|accounted URL DATA_DIR IN_FLIGHT SECONDS
 *
 * `insert` commits one row per request, each on a connection of its own (64 at most). `accounted` holds a worst case on five budgets
 * and settles it, with usage and ledger, through the product's own group commit. Waits for a line on stdin before it starts.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import pg from 'pg';

const [mode = '', url = '', dataDir = '', inFlightText = '1', secondsText = '1'] = process.argv.slice(2);
const inFlight = Number(inFlightText);
const seconds = Number(secondsText);
const MAX_CONNECTIONS = 64;
const load = (file) => import(fileURLToPath(new URL(`../dist/src/${file}`, import.meta.url)));
const { ORG, TEAM, USER, KEY, PROVIDER } = await import('./ledger-world.mjs');

async function inserts() {
  const pool = new pg.Pool({ connectionString: url, max: Math.min(inFlight, MAX_CONNECTIONS) });
  await Promise.all(Array.from({ length: Math.min(inFlight, MAX_CONNECTIONS) }, () => pool.query('SELECT 1')));
  return {
    once: () =>
      pool.query({
        name: 'plain',
        text: 'INSERT INTO bench_plain (id, org_id, request_id, at, currency, cost, note) VALUES ($1, $2, $3, $4, $5, $6, $7)',
        values: [randomUUID(), ORG, randomUUID(), new Date(), 'USD', '0.000123000000', 'one row per request'],
      }),
    close: () => pool.end(),
  };
}

async function accounted() {
  const { loadConfig } = await load('platform/config/index.js');
  const { createContext } = await load('app.js');
  const { createLogger } = await load('platform/logging/index.js');
  const { SystemClock } = await load('platform/clock/index.js');
  const { ConfigSnapshots } = await load('platform/snapshot/index.js');
  const { GroupCommits } = await load('platform/database/index.js');
  const { BudgetsService } = await load('budgets/index.js');
  const { MeteringService } = await load('metering/index.js');
  const { parseAmount } = await load('platform/money/index.js');
  const { newId } = await load('platform/ids/index.js');
  const config = loadConfig({ AIP_DATA_DIR: dataDir, AIP_DEMO: '0', DATABASE_URL: url }, 'bench');
  const clock = new SystemClock();
  const context = await createContext({ ...config, database: config.database.at(url) }, createLogger('silent', clock));
  const snapshots = context.get(ConfigSnapshots);
  await snapshots.refresh();
  const [budgets, metering] = [context.get(BudgetsService), context.get(MeteringService)];
  const flushed = { flushes: 0, items: 0 };
  const queue = context.get(GroupCommits).make(
    {
      async run(tx, items) {
        const settles = items.filter(({ settle }) => settle !== undefined);
        const asks = items.filter(({ ask }) => ask !== undefined);
        const { settled, verdicts } = await budgets.flush(tx, {
          settles: settles.map(({ settle }) => settle),
          asks: asks.map(({ ask }) => ask),
          nowMs: clock.nowMs(),
        });
        if (settled.size !== settles.length) throw new Error('A hold was not ours');
        await metering.insertUsage(
          tx,
          settles.map(({ usage }) => usage),
        );
        const held = new Map(asks.map((item, index) => [item, verdicts[index]]));
        return items.map((item) => held.get(item));
      },
      committed: () => undefined,
      rolledBack: () => undefined,
      wasCommitted: () => Promise.resolve(false),
    },
    {
      durability: 'strict',
      measure: (count) => {
        flushed.flushes += 1;
        flushed.items += count;
      },
    },
  );
  const [worst, used] = [parseAmount('0.0009'), parseAmount('0.000123')];
  const attribution = { orgId: ORG, teamId: TEAM, userId: USER, keyId: KEY, investigationId: null, operationId: null };
  const served = { providerId: PROVIDER, model: 'm' };
  const usageOf = (requestId, atMs) => ({
    ...{ id: newId(), orgId: ORG, atMs, requestId, attempt: 1, providerId: PROVIDER, provider: 'p' },
    ...{
      deploymentId: PROVIDER,
      model: 'm',
      upstreamModel: 'm-1',
      ...attribution,
      task: 'chat',
      criticality: 'critical',
    },
    ...{ outcome: 'ok', usageSource: 'reported', extras: [], currency: 'USD', cost: used, priceIds: { input: 'pv_1' } },
    usage: { input: 100, cachedInput: 0, cacheWrite: 0, output: 23, reasoning: 0 },
    ...{ simulated: false, unconfirmed: false, assumed: false, overrun: false, latencyMs: 900, ttftMs: 200 },
  });
  return {
    async once() {
      const atMs = clock.nowMs();
      const requestId = newId();
      const ask = budgets.askFor(snapshots.current(), {
        ...{
          holdId: newId(),
          requestId,
          orgId: ORG,
          attribution,
          criticality: 'critical',
          atMs,
          expiresAtMs: atMs + 60_000,
        },
        candidates: [{ deployment: { id: PROVIDER, ...served }, currency: 'USD', worst, worstTokens: 400 }],
      });
      const verdict = await queue.join({ ask });
      if (verdict.kind !== 'held') throw new Error(`Not held: ${verdict.kind}`);
      if (verdict.hold.lines.length !== 5) throw new Error('A request falls under five budgets');
      const posted = { currency: 'USD', amount: used, tokens: 123, requests: 1 };
      await queue.join({
        settle: { hold: verdict.hold, posted, servedDeployment: served, reason: 'settle' },
        usage: usageOf(requestId, atMs),
      });
    },
    async close() {
      await queue.close();
      await context.close();
      return flushed;
    },
  };
}

const work = await (mode === 'insert' ? inserts() : accounted());
for (let warm = 0; warm < 20; warm += 1) await work.once();
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const startedAt = performance.now();
const endsAt = startedAt + seconds * 1_000;
const cpuBefore = process.cpuUsage();
const took = [];
await Promise.all(
  Array.from({ length: inFlight }, async () => {
    while (performance.now() < endsAt) {
      const begunAt = performance.now();
      await work.once();
      took.push(performance.now() - begunAt);
    }
  }),
);
const lasted = (performance.now() - startedAt) / 1_000;
const { user, system } = process.cpuUsage(cpuBefore);
const flushes = await work.close();
took.sort((a, b) => a - b);
const at = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))];
process.stdout.write(
  `${JSON.stringify({ done: took.length, lasted, p50: at(0.5), p99: at(0.99), cpuMicros: (user + system) / took.length, ...flushes })}\n`,
);
process.exit(0);
