import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import { CATALOGUE } from '../../src/platform/errors/index.js';

const headings = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^## (\S+)$/gm)].map(([, code]) => code);

describe('docs/errors.md', () => {
  it('has a heading for each code of the catalogue, and no other', () => {
    expect([...headings].sort()).toEqual(Object.keys(CATALOGUE).sort());
  });

  it('never lists a code twice', () => {
    expect(new Set(headings).size).toBe(headings.length);
  });
});

describe('the catalogue', () => {
  it('asks nobody to retry what waiting cannot cure', () => {
    for (const [code, { status, shouldRetry }] of Object.entries(CATALOGUE)) {
      const clientsRetry = status === 408 || status === 409 || status === 429 || status >= 500;
      if (shouldRetry) expect([code, clientsRetry]).toEqual([code, true]);
    }
  });
});
