/** Starts, pins, measures and ends the processes of a benchmark. Linux: CPU time comes from /proc. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;
const started = [];
const canPin = spawnSync('taskset', ['-V']).status === 0;

/** Whether processes can be kept on one core each. */
export const pinned = canPin;

/** Starts a Node program on a core and resolves to its process and the first line it prints. */
export async function start(core, args, options = {}) {
  const command = canPin ? ['taskset', '-c', String(core), process.execPath, ...args] : [process.execPath, ...args];
  const child = spawn(command[0], command.slice(1), {
    stdio: ['ignore', 'pipe', options.quiet ? 'ignore' : 'inherit'],
    env: options.env ?? process.env,
  });
  started.push(child);
  const line = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
      if (options.until ? text.includes(options.until) : text.includes('\n')) resolve(text);
    });
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}: ${text}`)));
  });
  return { child, line: line.trim() };
}

/** Runs a Node program to its end and resolves to what it printed. */
export async function run(core, args, options = {}) {
  const command = canPin ? ['taskset', '-c', String(core), process.execPath, ...args] : [process.execPath, ...args];
  const child = spawn(command[0], command.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: options.env ?? process.env,
  });
  let text = '';
  child.stdout.on('data', (part) => (text += part));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${text}`);
  return text.trim();
}

/** Moves a running process and its children to a core; what they start later stays there. */
export function move(pid, core) {
  if (!canPin) return;
  const children = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean);
  for (const one of [String(pid), ...children]) spawnSync('taskset', ['-a', '-p', '-c', String(core), one]);
}

/** CPU time a process has used, microseconds. */
export function cpuMicros(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
}

/** Ends everything that was started here, newest first. */
export async function endAll() {
  for (const child of started.splice(0).reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await Promise.race([
      new Promise((resolve) => child.once('exit', resolve)),
      new Promise((resolve) => setTimeout(resolve, 15_000)),
    ]);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
}

/** Middle value. */
export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
