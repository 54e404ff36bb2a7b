import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { bootstrap, ROOT } from './bootstrap.mjs';

await bootstrap({ build: true });
const [name = ''] = process.argv.slice(2);
const file = path.join(ROOT, 'bench', `${name}.mjs`);
if (!/^[a-z0-9-]+$/.test(name) || !existsSync(file)) {
  process.stderr.write(`usage: node bin/bench.mjs NAME   (bench/NAME.mjs must exist, got "${name}")\n`);
  process.exit(2);
}
await import(pathToFileURL(file).href);
