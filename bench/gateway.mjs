/** Starts the product on an empty data folder, with one partner and one key, through its own commands and API. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { request } from 'undici';

import { move, run, start } from './processes.mjs';

const AIP = fileURLToPath(new URL('../bin/aip.mjs', import.meta.url));

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function call(url, token, body) {
  const answer = await request(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.statusCode} ${text}`);
  return JSON.parse(text);
}

/** The gateway starts its database on its own core: off it, with every backend; those to come follow the postmaster. */
function moveDatabase(dataDir, core) {
  const file = readdirSync(dataDir, { recursive: true }).find((name) => path.basename(name) === 'postmaster.pid');
  const [postmaster] = readFileSync(path.join(dataDir, file), 'utf8').split('\n');
  move(Number(postmaster), core);
}

/** `prepare(post)`: configures more, with `post(path, body)`.
 *  @returns {{ url: string, key: string, pid: number, remove(): void }} `core`: where the gateway runs; `elsewhere`: the core of its database. */
export async function startGateway({ core, elsewhere, upstreamUrl, durability = 'strict', environment = {}, prepare }) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'aip-bench-'));
  const port = await freePort();
  const env = {
    ...process.env,
    AIP_DATA_DIR: dataDir,
    AIP_DEMO: '0',
    AIP_PORT: String(port),
    AIP_PROVIDER_ALLOW_CIDRS: '127.0.0.1/32',
    AIP_DURABILITY: durability,
    ...environment,
  };
  const { child } = await start(core, [AIP, 'serve'], { env, until: 'Metrics', quiet: true });
  moveDatabase(dataDir, elsewhere);
  const made = JSON.parse(
    await run(elsewhere, [AIP, 'admin', 'create', '--organisation', 'Bench', '--email', 'a@bench.example', '--json'], {
      env,
    }),
  );
  const { token } = JSON.parse(
    await run(elsewhere, [AIP, 'token', 'mint', '--user', made.userId, '--minutes', '60', '--json'], { env }),
  );
  const url = `http://127.0.0.1:${port}`;
  // Another process made the administrator: this replica hears of it by notification.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await call(`${url}/api/prices`, token, {
    vendor: 'vllm',
    model: 'bench-1',
    currency: 'USD',
    effectiveFrom: new Date(Date.now() + 1_000).toISOString(),
    source: 'benchmark',
    asOf: new Date().toISOString().slice(0, 10),
    confirmed: true,
    prices: [
      { meter: 'input', perMillion: '1' },
      { meter: 'output', perMillion: '1' },
    ],
  });
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  await call(`${url}/api/providers`, token, {
    name: 'bench',
    vendor: 'vllm',
    baseUrl: upstreamUrl,
    network: 'private',
    credential: { secret: 'bench-credential-0123456789' },
    deployments: [{ model: 'bench-1', upstreamModel: 'bench-1' }],
  });
  await prepare?.((place, body) => call(`${url}${place}`, token, body));
  // Five budgets a call falls under, as an agency has them.
  for (const period of ['DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR']) {
    await call(`${url}/api/budgets`, token, {
      name: `bench ${period}`,
      scope: { type: 'ORGANISATION', id: made.organisationId },
      limits: [{ period, amount: '1000000' }],
    });
  }
  const { secret } = await call(`${url}/api/keys`, token, { name: 'bench', live: true });
  return { url, key: secret, pid: child.pid, remove: () => rmSync(dataDir, { recursive: true, force: true }) };
}
