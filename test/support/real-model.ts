import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';

const SERVER = path.resolve('..', 'shared', 'data', 'real-upstream', 'server.mjs');
const READY = /ready on http:\/\/127\.0\.0\.1:(\d+)\/v1/;
const START_MS = 20_000;

/** True when the model lies beside the project; it is not part of it. */
export const hasRealModel = existsSync(SERVER);

/** A small language model that really generates, one byte per token, behind an OpenAI-compatible port in a process of its own. */
export class RealModel {
  /** Its name there. */
  static readonly NAME = 'tiny-rwkv-660k';

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  /** Resolves when it listens. Throws when it ends before, or says nothing for 20 s. */
  static async start(): Promise<RealModel> {
    const child = spawn(process.execPath, [SERVER, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const signal = AbortSignal.timeout(START_MS);
    try {
      for (let text = ''; ;) {
        const ended = once(child, 'exit', { signal }).then(() => {
          throw new Error(`The model ended before it listened: ${text}`);
        });
        ended.catch(() => undefined);
        const [part] = (await Promise.race([once(child.stdout, 'data', { signal }), ended])) as [Buffer];
        text += part.toString('utf8');
        const [, port] = READY.exec(text) ?? [];
        if (port !== undefined) return new RealModel(child, Number(port));
      }
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
