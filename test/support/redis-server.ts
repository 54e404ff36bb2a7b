import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { until } from './in-flight.js';

const COMMANDS = ['redis-server', 'valkey-server'];

/** The command that starts a server on this machine; undefined: there is none. @throws Error when there is none although
 *  AIP_TEST_REQUIRE_DATA=1 says that everything must run */
export function redisCommand(): string | undefined {
  const found = COMMANDS.find((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0);
  // eslint-disable-next-line no-restricted-syntax -- a switch of the test run
  if (found === undefined && process.env['AIP_TEST_REQUIRE_DATA'] === '1') {
    throw new Error('No redis-server or valkey-server is on the PATH. Install Debian package redis-server.');
  }
  return found;
}

/** A server of its own on 127.0.0.1 that keeps nothing; it can be stopped and started again at the same address. */
export class RedisServer {
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'aip-redis-'));
  #process: ChildProcess | undefined;
  #port = 0;

  constructor(private readonly command: string) {}

  get url(): string {
    return `redis://127.0.0.1:${String(this.#port)}`;
  }

  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const args = ['--bind', '127.0.0.1', '--port', String(this.#port), '--save', '', '--appendonly', 'no'];
    this.#process = spawn(this.command, [...args, '--dir', this.#directory], { stdio: 'ignore' });
    await until('the server answers', async () => ((await canConnect(this.#port)) ? true : undefined));
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
