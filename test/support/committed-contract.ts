import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { expect } from '@jest/globals';

/** Compares a contract with its committed copy; UPDATE_CONTRACTS=1 writes the copy anew instead. */
export function expectCommitted(file: string, text: string): void {
  // eslint-disable-next-line no-restricted-syntax -- a switch for whoever changes a contract on purpose
  if (process.env['UPDATE_CONTRACTS'] === '1') writeFileSync(file, text);
  const committed = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (committed === text) return;
  const [at, was, is] = firstDifference(committed.split('\n'), text.split('\n'));
  expect(
    `${file} differs from what the code serves, first in line ${String(at)}: it has "${was}", the code serves "${is}". ` +
      'If the change is wanted, write the file anew: UPDATE_CONTRACTS=1 npm test -- test/contract',
  ).toBe('');
}

function firstDifference(was: readonly string[], is: readonly string[]): readonly [number, string, string] {
  const at = is.findIndex((line, index) => line !== was[index]);
  const index = at === -1 ? is.length : at;
  return [index + 1, was[index] ?? '', is[index] ?? ''];
}
