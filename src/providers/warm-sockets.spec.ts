import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { buildConnector } from 'undici';

import { SystemClock } from '../platform/clock/index.js';
import { WarmSockets } from './warm-sockets.js';

/** Waits are run by hand. */
class HandClock extends SystemClock {
  readonly waits: { readonly delayMs: number; readonly work: () => void }[] = [];

  override after(delayMs: number, work: () => void): () => void {
    const wait = { delayMs, work };
    this.waits.push(wait);
    return () => {
      const at = this.waits.indexOf(wait);
      if (at >= 0) this.waits.splice(at, 1);
    };
  }

  /** Runs every wait of this length. */
  pass(delayMs: number): number {
    const due = this.waits.filter((wait) => wait.delayMs === delayMs);
    for (const wait of due) {
      this.waits.splice(this.waits.indexOf(wait), 1);
      wait.work();
    }
    return due.length;
  }
}

let server: Server;
let accepted: Socket[];
let warm: WarmSockets;
let clock: HandClock;

const until = async (holds: () => boolean): Promise<void> => {
  for (let count = 0; count < 200 && !holds(); count += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
};

function keptAt(port: number): WarmSockets {
  const target = { protocol: 'http:', host: `127.0.0.1:${String(port)}`, hostname: '127.0.0.1', port: String(port) };
  return new WarmSockets(buildConnector({}), target, clock);
}

const taken = (): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const target = { protocol: 'http:', host: '', hostname: '127.0.0.1', port: '1' };
    warm.connector(target, (...[error, socket]) => {
      if (error === null) resolve(socket);
      else reject(error);
    });
  });

beforeEach(async () => {
  accepted = [];
  clock = new HandClock();
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  warm = keptAt((server.address() as AddressInfo).port);
});
afterEach(() => {
  warm.rest();
  for (const socket of accepted) socket.destroy();
  server.close();
});

describe('WarmSockets', () => {
  it('keeps two connections ready, hands one out and opens another', async () => {
    warm.keep();
    await until(() => warm.size === 2 && accepted.length === 2);
    const socket = await taken();
    expect(socket.destroyed).toBe(false);
    await until(() => warm.size === 2 && accepted.length === 3);
    socket.write('hello');
    const text = await new Promise<string>((resolve) => {
      for (const one of accepted) {
        one.once('data', (bytes) => {
          resolve(String(bytes));
        });
      }
    });
    expect(text).toBe('hello');
    socket.destroy();
  });

  it('replaces a connection after its life', async () => {
    warm.keep();
    await until(() => warm.size === 2);
    expect(clock.pass(30_000)).toBe(2);
    await until(() => warm.size === 2 && accepted.length === 4);
  });

  it('never hands out a connection that the other side closed, and waits before the next ones', async () => {
    warm.keep();
    await until(() => warm.size === 2 && accepted.length === 2);
    for (const socket of accepted) socket.destroy();
    await until(() => warm.size === 0);
    expect(accepted).toHaveLength(2);
    expect(clock.pass(5_000)).toBe(1);
    await until(() => warm.size === 2);
  });

  it('tries an unreachable origin again, less and less often', async () => {
    server.close();
    warm.keep();
    for (const pauseMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      await until(() => clock.waits.some(({ delayMs }) => delayMs === pauseMs));
      expect(clock.pass(pauseMs)).toBe(1);
    }
  });

  it('keeps nothing any more once it rests', async () => {
    warm.keep();
    await until(() => warm.size === 2);
    warm.rest();
    expect(warm.size).toBe(0);
    await until(
      () => accepted.length === 2 && accepted.every(({ destroyed, readableEnded }) => destroyed || readableEnded),
    );
    expect(clock.waits).toHaveLength(0);
  });
});
