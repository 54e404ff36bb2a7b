import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';

import { bootstrap, ROOT } from './bootstrap.mjs';

try {
  await bootstrap({ build: true }); // End-to-end tests start bin/aip.mjs.
} catch (error) {
  console.error(error);
  console.log('0 passed, 1 failed');
  process.exit(1);
}
const scratch = mkdtempSync(path.join(tmpdir(), 'aip-jest-'));
const report = path.join(scratch, 'report.json');
const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const args = [...flags, jest, '--json', `--outputFile=${report}`, ...process.argv.slice(2)];
// With --json Jest prints the report to standard output, or a line about the file: nobody reads either.
const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['inherit', 'ignore', 'inherit'] });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => void (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
}
const status = await new Promise((resolve) => {
  child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
});

function readReport() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return undefined; // Jest ended before it could write one: its status says so.
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** One line per file with tests that did not run; a suite says why in its name. */
function leftOut({ name, assertionResults }) {
  const pending = assertionResults.filter((test) => test.status === 'pending' || test.status === 'todo');
  if (pending.length === 0) return [];
  const why = [...new Set(pending.map((test) => test.ancestorTitles[0] ?? test.title))].join('; ');
  return [`left out: ${path.relative(ROOT, name)}, ${pending.length} of ${assertionResults.length}: ${why}`];
}

const result = readReport();
for (const line of result?.testResults.flatMap(leftOut) ?? []) console.log(line);
const passed = result?.numPassedTests ?? 0;
const failed = (result?.numFailedTests ?? 0) + (result?.numRuntimeErrorTestSuites ?? (status === 0 ? 0 : 1));
if (result === undefined) console.log(`Jest ended with status ${status} and left no report.`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = status === 0 && failed > 0 ? 1 : status;
