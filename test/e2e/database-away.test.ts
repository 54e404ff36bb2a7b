import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { MIGRATIONS } from '../../migrations/index.js';
import { runMigrations } from '../../src/platform/database/index.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/platform/postgres/index.js';
import { GatewayApp } from '../support/gateway-app.js';
import { inFlight, until } from '../support/in-flight.js';
import { connectThrough } from '../support/movable-port.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

interface Refusal {
  readonly error: { readonly code: string; readonly message: string };
}

const root = mkdtempSync(path.join(tmpdir(), 'aip-away-'));
const partner = new ScriptedUpstream();
let server: EmbeddedPostgres;
let door: Awaited<ReturnType<typeof connectThrough>>;
let gateway: GatewayApp;
let key: string;

function startServer(): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: path.join(root, 'data'),
    passwordFile: path.join(root, 'password'),
    durable: true,
    maxConnections: 60,
  });
}

beforeAll(async () => {
  await partner.start();
  server = await startServer();
  // A restarted server takes another port; the product keeps one address.
  door = await connectThrough(() => server.port);
  const url = new URL(server.url);
  url.port = String(door.port);
  await runMigrations(url.href, MIGRATIONS);
  gateway = await GatewayApp.start({ DATABASE_URL: url.href });
  await gateway.provider({ name: 'partner', baseUrl: partner.url, model: 'm' });
  key = await gateway.key(await gateway.user('analyst'));
}, 120_000);

afterAll(async () => {
  await gateway.stop();
  await door.close();
  await server.stop();
  await partner.stop();
  rmSync(root, { recursive: true, force: true });
}, 60_000);

describe('while the database is away', () => {
  it('refuses paid calls with 503, sends partners nothing, says not ready; afterwards all works again', async () => {
    expect((await gateway.chat(key)).status).toBe(200);
    expect((await gateway.api('GET', '/health/ready', undefined)).status).toBe(200);
    partner.seen.length = 0;
    await server.stop();

    const answers = await inFlight(10, 5, (index) => gateway.chat(key, { stream: index % 2 === 0 }));
    for (const answer of answers) {
      expect([answer.status, answer.json<Refusal>().error.code]).toEqual([503, 'dependency_unavailable']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers['x-should-retry']).toBe('true');
      expect(answer.text).not.toMatch(/ECONN|postgres|127\.0\.0\.1/i);
    }
    expect(partner.seen).toHaveLength(0);
    expect((await gateway.api('GET', '/health/ready', undefined)).status).toBe(503);
    expect((await gateway.api('GET', '/health/live', undefined)).status).toBe(200);

    server = await startServer();
    await until('calls work again', async () => ((await gateway.chat(key)).status === 200 ? true : undefined), 30_000);
    expect((await gateway.api('GET', '/health/ready', undefined)).status).toBe(200);
    await until('nothing is open', async () => ((await gateway.verify()).findings.length === 0 ? true : undefined));
    expect(await gateway.ledger()).toEqual([]);
  }, 120_000);
});
