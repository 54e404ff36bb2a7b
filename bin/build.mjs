import { existsSync, realpathSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { bootstrap, ROOT } from './bootstrap.mjs';
import { verifierFile } from './verifier-file.mjs';
import { isBuildStale, sourceFiles, sourceStamp } from './source-stamp.mjs';

const DIST = path.join(ROOT, 'dist');

async function compile(swc, name, draft) {
  const target = path.join(draft, name.replace(/\.ts$/, '.js'));
  await mkdir(path.dirname(target), { recursive: true });
  if (name.endsWith('.json')) return copyFile(path.join(ROOT, name), target);
  const { code, map } = await swc.transformFile(path.join(ROOT, name), {
    configFile: path.join(ROOT, '.swcrc'),
    cwd: ROOT,
    sourceFileName: path.relative(path.join(DIST, path.dirname(name)), path.join(ROOT, name)),
  });
  const file = path.basename(target);
  await writeFile(target, `${code}//# sourceMappingURL=${file}.map\n`);
  return writeFile(`${target}.map`, map);
}

async function replace(draft, old) {
  try {
    if (existsSync(DIST)) await rename(DIST, old);
    await rename(draft, DIST);
  } catch (error) {
    if (isBuildStale(ROOT)) throw error; // Otherwise another process has just built the same.
  }
}

/** Compiles src and migrations into dist. The old dist stays until the new one is complete. */
export async function build() {
  const swc = await import('@swc/core');
  const draft = await mkdtemp(path.join(ROOT, 'node_modules', '.build-'));
  const old = `${draft}.old`;
  try {
    const stamp = sourceStamp(ROOT);
    await Promise.all(sourceFiles(ROOT).map((name) => compile(swc, name, draft)));
    const { version } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8'));
    await writeFile(path.join(draft, 'verify.mjs'), await verifierFile(swc, ROOT, version));
    await writeFile(path.join(draft, '.stamp'), stamp);
    await replace(draft, old);
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  await bootstrap({ build: false });
  await build();
}
