import { readdirSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { DIALECTS, type Adapter } from '../../src/providers/adapters/adapter.js';
import { ADAPTERS } from '../../src/providers/adapters/all-adapters.js';

const ROOT = path.resolve('src/providers/adapters');
const folders = readdirSync(ROOT, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Files of a vendor that translate: `<from>-<to>.ts`, for embeddings with their name behind. */
const translators = (folder: string): readonly string[] =>
  readdirSync(path.join(ROOT, folder)).filter((name) => /^openai-[a-z-]+\.ts$/.test(name));

const isAdapter = (value: unknown): value is Adapter =>
  typeof value === 'object' && value !== null && 'open' in value && 'operation' in value;

describe('a vendor is one folder', () => {
  it('every folder is named after a dialect and has a translator into it', () => {
    for (const folder of folders) {
      expect(DIALECTS).toContain(folder);
      expect(translators(folder)).toContain(`openai-${folder}.ts`);
    }
  });

  it('every translator in a folder is in the list of all, once per dialect and operation', async () => {
    const found: Adapter[] = [];
    for (const folder of folders) {
      for (const file of translators(folder)) {
        const module = (await import(path.join(ROOT, folder, file))) as Readonly<Record<string, unknown>>;
        const adapters = Object.values(module).filter(isAdapter);
        for (const adapter of adapters) expect([file, adapter.to]).toEqual([file, folder]);
        found.push(...adapters);
      }
    }
    expect(new Set(ADAPTERS)).toEqual(new Set(found));
    expect(new Set(ADAPTERS.map(({ to, operation }) => `${to} ${operation}`)).size).toBe(ADAPTERS.length);
  });
});
