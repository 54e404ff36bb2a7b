import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { DATA } from './recorded-exchanges.js';

const PRINTED = /http:\/\/127\.0\.0\.1:\d+/;
const START_MS = 30_000;

/** How recordings are played: sizes of the writes, and where the connection ends or falls silent. */
export interface Playing {
  readonly chunk?: 'whole' | 'event' | 'random' | 'byte';
  /** Bytes of the body after which the socket is destroyed. */
  readonly cut?: number;
  /** Bytes of the body after which nothing comes any more. */
  readonly stall?: number;
}

/** The player of recordings that comes with them, as a process of its own on 127.0.0.1. */
export class ReplayUpstream {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  /** `directory`: holds `interactions/*.jsonl`; absent: the recordings themselves. Throws when it does not start. */
  static async start(playing: Playing, directory?: string): Promise<ReplayUpstream> {
    const script = fileURLToPath(new URL('replay/replay.mjs', DATA));
    const options = Object.entries(playing).map(([name, value]) => `--${name}=${String(value)}`);
    const child = spawn(process.execPath, [script, '0', ...(directory === undefined ? [] : [directory]), ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const deadline = setTimeout(() => child.kill('SIGKILL'), START_MS);
    let printed = '';
    try {
      for await (const part of child.stdout) {
        printed += String(part);
        const url = PRINTED.exec(printed)?.[0];
        if (url !== undefined) return new ReplayUpstream(child, url);
      }
    } finally {
      clearTimeout(deadline);
    }
    throw new Error(`The player of recordings did not start: ${printed}`);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
