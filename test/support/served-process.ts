import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const ROOT = path.dirname(path.dirname(import.meta.dirname));
const AIP = path.join(ROOT, 'bin', 'aip.mjs');
const BANNER = /Chat API\s+(http:\/\/\S+)\/v1\/chat\/completions/;
const START_MS = 60_000;
const KEPT_OUTPUT = 20_000;

type Environment = Readonly<Record<string, string>>;

function launch(args: readonly string[], environment: Environment): ChildProcess {
  // eslint-disable-next-line no-restricted-syntax -- a child process needs the search path
  const { PATH, HOME } = process.env;
  // A group of its own: should the launcher hand over to the pinned Node, signals reach both.
  return spawn(process.execPath, [AIP, ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }), ...environment },
  });
}

/** Runs one command of the product to its end. */
export async function runCommand(
  args: readonly string[],
  environment: Environment,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = launch(args, environment);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => (output += part.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** `aip serve` as a process of its own, which can be killed. */
export class ServedProcess {
  #output = '';
  #url = '';

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (part: Buffer) => (this.#output = (this.#output + part.toString()).slice(-KEPT_OUTPUT)));
    }
  }

  /** Resolves when the banner with its address is printed. Throws with its last words when it ends before. */
  static async start(environment: Environment): Promise<ServedProcess> {
    const started = new ServedProcess(launch(['serve', '--port', '0'], environment));
    const endMs = performance.now() + START_MS;
    while (started.#url === '') {
      started.#url = BANNER.exec(started.#output)?.[1] ?? '';
      if (started.child.exitCode !== null || performance.now() > endMs) {
        await started.kill();
        throw new Error(`aip serve did not start:\n${started.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return started;
  }

  /** Where it listens. */
  get url(): string {
    return this.#url;
  }

  /** The last things it wrote. */
  get output(): string {
    return this.#output;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM; resolves to the exit status. */
  terminate(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const { pid } = this.child;
    if (this.child.exitCode !== null || this.child.signalCode !== null || pid === undefined) return this.child.exitCode;
    const closed = once(this.child, 'exit');
    process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
    const [code] = (await closed) as [number | null];
    return code;
  }
}
