import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import * as swc from '@swc/core';

/** Makes `dist/verify.mjs` as the build does, from the sources as they are. Returns its path. */
export async function builtVerifier(): Promise<string> {
  const root = path.resolve(import.meta.dirname, '../..');
  const file = path.join(root, 'dist', 'verify.mjs');
  const { verifierFile } = (await import(path.join(root, 'bin', 'verifier-file.mjs'))) as {
    verifierFile: (compiler: typeof swc, root: string, version: string) => Promise<string>;
  };
  if (!existsSync(path.dirname(file))) mkdirSync(path.dirname(file));
  writeFileSync(file, await verifierFile(swc, root, 'test'));
  return file;
}
