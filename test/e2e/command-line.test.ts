import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { run } from '../../src/cli/main.js';
import { GatewayApp } from '../support/gateway-app.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { runCommand } from '../support/served-process.js';

const SECRET = 'key-for-the-command-line-0123456789';
const directory = mkdtempSync(path.join(tmpdir(), 'aip-cli-'));
const secretFile = path.join(directory, 'secret');
const partner = new ScriptedUpstream();
let gateway: GatewayApp;
let environment: Readonly<Record<string, string>>;
let key: string;

beforeAll(async () => {
  writeFileSync(secretFile, `${SECRET}\n`, { mode: 0o600 });
  await partner.start();
  gateway = await GatewayApp.start();
  environment = {
    AIP_URL: gateway.url,
    AIP_TOKEN: gateway.token(await gateway.user('operator')),
    AIP_DATA_DIR: directory,
  };
  // eslint-disable-next-line no-restricted-syntax -- commands read there where the server is
  Object.assign(process.env, environment);
  key = await gateway.key(await gateway.user('analyst'));
  await gateway.price('up-1', { input: '1', output: '2' });
}, 120_000);

afterAll(async () => {
  await gateway.stop();
  await partner.stop();
  rmSync(directory, { recursive: true });
});

/** Runs a command in this process: one of its own takes seconds to load what is loaded here already. */
async function aip(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  let output = '';
  const take = (text: unknown): boolean => {
    output += String(text);
    return true;
  };
  const spies = [process.stdout, process.stderr].map((stream) => jest.spyOn(stream, 'write').mockImplementation(take));
  try {
    const code = await run(args);
    expect(output).not.toContain(SECRET);
    return { code, output };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const addVllm = (...more: readonly string[]): ReturnType<typeof aip> =>
  aip('provider', 'add', 'vllm', '--base-url', partner.url, '--models', 'm=up-1', '--secret-file', secretFile, ...more);

describe('aip provider', () => {
  it('adds a partner whose connection test succeeds, lists it, takes it out and back, and removes it', async () => {
    const added = await addVllm('--name', 'site');
    expect([added.code, added.output]).toEqual([0, expect.stringContaining('and serves m.')]);
    expect((await gateway.chat(key)).status).toBe(200);
    expect(partner.seen.at(-1)?.headers.authorization).toBe(`Bearer ${SECRET}`);
    expect((await aip('provider', 'list')).output).toMatch(/site\s+enabled\s+vllm\s+http:\S+\s+m\n/);
    expect((await aip('provider', 'test', 'site')).output).toMatch(/^ok\s+site m: /m);
    expect((await aip('provider', 'drain', 'site', '--json')).output).toContain('"state":"draining"');
    expect((await gateway.chat(key)).status).toBeGreaterThanOrEqual(400);
    expect((await aip('provider', 'resume', 'site')).output).toContain('back in service');
    const refused = await aip('provider', 'remove', 'site');
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('Nobody else serves m.')]);
    expect((await aip('provider', 'remove', 'site', '--force')).code).toBe(0);
    expect((await aip('provider', 'list')).output).not.toContain('site');
  }, 120_000);

  it('adds nothing whose connection test fails', async () => {
    const failed = await aip('provider', 'add', 'vllm', '--base-url', 'http://127.0.0.1:9/v1', '--models', 'm');
    expect([failed.code, failed.output]).toEqual([1, expect.stringContaining('nothing listens there')]);
    expect(failed.output).toContain('Nothing was added');
    expect((await aip('provider', 'list', '--json')).output).toBe('[]\n');
    const closed = await aip('provider', 'add', 'vllm', '--base-url', 'http://10.0.0.9/v1');
    expect([closed.code, closed.output]).toEqual([2, expect.stringContaining('AIP_PROVIDER_ALLOW_CIDRS')]);
  }, 60_000);

  it('knows where vendors are, what their addresses need, and that a secret is missing', async () => {
    const azure = await aip('provider', 'add', 'azure', '--secret-file', secretFile);
    expect([azure.code, azure.output]).toEqual([2, expect.stringContaining('needs --resource')]);
    const unknown = await aip('provider', 'test', 'nobody');
    expect([unknown.code, unknown.output]).toEqual([1, expect.stringContaining('There is no provider "nobody".')]);
    const silent = await runCommand(['provider', 'add', 'openai'], environment);
    expect([silent.code, silent.output]).toEqual([2, expect.stringContaining('--secret-file or --secret-env')]);
  }, 60_000);
});
