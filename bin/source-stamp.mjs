import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const FOLDERS = ['src', 'migrations'];

/** Files that the build reads: sources and JSON, without specs. Relative to `root`, sorted. */
export function sourceFiles(root) {
  return FOLDERS.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name)),
  )
    .filter((name) => /\.(ts|json)$/.test(name) && !/\.(spec|d)\.ts$/.test(name))
    .sort();
}

/** Changes whenever a source file is added, removed or written. */
export function sourceStamp(root) {
  const files = sourceFiles(root);
  const newest = Math.max(...[...files, '.swcrc'].map((name) => statSync(path.join(root, name)).mtimeMs));
  return `${files.length} files, newest ${newest}`;
}

/** `dist` is missing or was made from other sources. */
export function isBuildStale(root) {
  try {
    return readFileSync(path.join(root, 'dist', '.stamp'), 'utf8') !== sourceStamp(root);
  } catch (error) {
    if (error.code === 'ENOENT') return true;
    throw error;
  }
}
