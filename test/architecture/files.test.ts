import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from '@jest/globals';

const MAX_LINES = 400;
const KEBAB = /^[a-z0-9]+(?:[.-][a-z0-9]+)*\.(ts|json|md)$/;
const BANNED = /(^|[.-])(utils?|helpers?|common|manager|handler|base)\.(ts)$/;
const ALLOWED_NAMES = new Set(['README.md']);

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

const sources = filesBelow('src');
const code = [...sources, ...filesBelow('migrations'), ...filesBelow('test')].filter((file) => file.endsWith('.ts'));

describe('source files', () => {
  it('are named in kebab case after their main export', () => {
    expect(
      sources.filter((file) => !KEBAB.test(path.basename(file)) && !ALLOWED_NAMES.has(path.basename(file))),
    ).toEqual([]);
  });

  it('have no name that says nothing', () => {
    expect(code.filter((file) => BANNED.test(path.basename(file)) && !ALLOWED_NAMES.has(path.basename(file)))).toEqual(
      [],
    );
  });

  it('have at most 400 lines, or say why', () => {
    const long = code.filter((file) => {
      const text = readFileSync(file, 'utf8');
      const written = text.split('\n').filter((line) => !/^\s*(?:\/\/|\/\*|\*|$)/.test(line)); // As lint counts.
      return written.length > MAX_LINES && !/eslint-disable max-lines -- \S/.test(text);
    });
    expect(long).toEqual([]);
  });
});

describe('modules', () => {
  const modules = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const documented = modules
    .map(({ name }) => name)
    .filter((name) => !['platform', 'openai', 'cli', 'demo'].includes(name));

  it.each(documented)('%s states its invariants in a README of at most 60 lines', (name) => {
    const text = readFileSync(path.join('src', name, 'README.md'), 'utf8');
    expect(text.split('\n').length).toBeLessThanOrEqual(61);
    expect(text).toMatch(/^\*\*Invariant:\*\* \S/m);
  });

  it.each(documented)('%s has an index.ts', (name) => {
    expect(readdirSync(path.join('src', name))).toContain('index.ts');
  });
});
