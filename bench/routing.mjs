/**
 * What the router learns, saves and costs, by the product's own classes on judged prompts.
 *
 *   npm run bench:routing -- --data DIR [--json] [--parts learning,pools,agreement]
 *
 * DIR holds a `manifest.json` with sets of judged prompts (JSON Lines, gzip), pairs, pools and triples. Questions are split into train and test by
 * their id. Ends with 1 when a goal is missed.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { benchAgreement } from './routing-agreement.mjs';
import { openData } from './routing-data.mjs';
import { benchLearning } from './routing-learning.mjs';
import { benchPools } from './routing-pools.mjs';

const option = (name, standard) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? standard : process.argv[at + 1];
};
const folder = path.resolve(option('data', 'data/routing'));
const asJson = process.argv.includes('--json');
const parts = option('parts', 'learning,pools,agreement').split(',');
try {
  readFileSync(path.join(folder, 'manifest.json'));
} catch {
  process.stderr.write(
    `There is no manifest.json in ${folder}. Name the folder of judged prompts: npm run bench:routing -- --data DIR\n`,
  );
  process.exit(2);
}

const load = (file) => import(fileURLToPath(new URL(`../dist/src/routing/domain/${file}`, import.meta.url)));
const { promptFeatures } = await load('lexical/prompt-features.js');
const { trainHead } = await load('quality/quality-head.js');
const { encodeHead } = await load('quality/head-artefact.js');
const { outOfFold } = await load('quality/out-of-fold.js');
const { EMPTY_CELL, estimateCell, withPrior, withVerdict } = await load('quality/quality-cell.js');
const { rankByQuality } = await load('quality/choose-by-quality.js');
const { tableOf, tunePolicy } = await load('quality/tune-policy.js');

const known = new Map();
/** Features of a prompt, made once. */
function features(prompt) {
  const made = known.get(prompt) ?? promptFeatures(prompt);
  known.set(prompt, made);
  return made;
}
const product = {
  ...{ features, trainHead, encodeHead, outOfFold, EMPTY_CELL, estimateCell, withPrior, withVerdict },
  ...{ rankByQuality, tableOf, tunePolicy },
};
const data = openData(folder);
const print = asJson ? () => {} : (text) => process.stdout.write(text);
const BENCHES = { learning: benchLearning, pools: benchPools, agreement: benchAgreement };
const results = {};
const missed = [];
for (const part of parts) {
  const bench = BENCHES[part];
  if (bench === undefined) throw new Error(`There is no part ${part}: ${Object.keys(BENCHES).join(', ')}`);
  const done = bench({ data, product, print });
  results[part] = done.results;
  missed.push(...done.missed);
  print('\n');
}
if (asJson) process.stdout.write(`${JSON.stringify({ results, missed }, null, 1)}\n`);
else print(missed.length === 0 ? 'All goals met.\n' : `Missed:\n${missed.map((one) => `  ${one}\n`).join('')}`);
process.exitCode = missed.length === 0 ? 0 : 1;
