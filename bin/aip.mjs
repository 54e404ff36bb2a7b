#!/usr/bin/env node
import { bootstrap } from './bootstrap.mjs';

const GRACE_MS = 2_000;

await bootstrap({ build: true });
const { run } = await import('../dist/src/cli/main.js');
process.exitCode = await run(process.argv.slice(2));
setTimeout(() => process.exit(), GRACE_MS).unref(); // A forgotten handle must not keep a finished command alive.
