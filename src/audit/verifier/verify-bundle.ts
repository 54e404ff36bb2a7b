import { readManifest, readPosition, type BundleManifest, type Position } from '../domain/bundle.js';
import { Findings } from '../domain/finding.js';
import { readHashLines } from '../domain/proof.js';
import { nodesOf } from '../domain/merkle.js';
import { MAX_CORE_BYTES } from '../domain/core.js';
import { BundleError } from './bundle-error.js';
import { checkFiles } from './bundle-files.js';
import { readWhole, type BundleSource } from './bundle-source.js';
import { bundleVerdict, type BundleFacts, type BundleVerdict } from './bundle-verdict.js';
import { ContentCheck } from './content-check.js';
import { checkExport } from './export-check.js';
import { LineReader } from './line-reader.js';
import { NotesCheck, type CheckedCheckpoint } from './notes-check.js';
import { SealCheck } from './seal-check.js';
import { TreeCheck } from './tree-check.js';
import type { VerifyOptions } from './trust.js';

const MAX_MANIFEST = 64 * 1024 * 1024;
const MAX_NOTE = 1024 * 1024;
const POSITION_BYTES = 256;
const CP = /"cp":\{"root":"([A-Za-z0-9+/=]{44})","size":(\d{1,16})\}/;
const PROGRESS_EVERY = 10_000;
/** Clocks of a writer and of a witness may differ by this much. */
const TOLERANCE_MS = 2_000;

/** A root that some record or note claims for a size. */
type Claims = Map<number, { readonly root: string; readonly code: string; readonly where: string }[]>;

/** One bundle under verification. */
interface Run {
  readonly source: BundleSource;
  readonly prefix: string;
  readonly manifest: BundleManifest;
  readonly findings: Findings;
  readonly options: VerifyOptions;
  readonly notes: NotesCheck;
}

/** Verifies every log of a bundle. Memory does not grow with the length of a file but by some 80 bytes per record. Nothing that
 *  the bundle holds makes it throw. Source: evidence page §10. */
export async function verifyBundle(source: BundleSource, options: VerifyOptions): Promise<readonly BundleVerdict[]> {
  const prefixes = [...source.files.keys()].flatMap((name) => /^((?:[^/]+\/)?)manifest\.json$/.exec(name)?.[1] ?? []);
  const verdicts: BundleVerdict[] = [];
  const foreign = [...source.files.keys()].find((name) => !prefixes.some((prefix) => name.startsWith(prefix)));
  if (prefixes.length === 0 || foreign !== undefined) {
    const findings = new Findings();
    findings.add('E_MANIFEST', foreign === undefined ? 'manifest.json: missing' : `${foreign}: in no manifest`);
    verdicts.push(bundleVerdict(findings, undefined, options));
  }
  for (const prefix of prefixes.sort()) verdicts.push(await verifyOne(source, prefix, options));
  return verdicts;
}

async function verifyOne(source: BundleSource, prefix: string, options: VerifyOptions): Promise<BundleVerdict> {
  const findings = new Findings();
  let facts: BundleFacts | undefined;
  try {
    const bytes = await readWhole(source, `${prefix}manifest.json`, MAX_MANIFEST);
    const manifest = readManifest(bytes ?? Buffer.alloc(0));
    if (manifest === undefined) findings.add('E_MANIFEST', 'manifest.json: malformed');
    else {
      const notes = new NotesCheck(manifest.keys, options.trust.policy, findings);
      facts = await verifyLog({ source, prefix, manifest, findings, options, notes });
    }
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    findings.add('E_BUNDLE', error.message);
  }
  return bundleVerdict(findings, facts, options);
}

async function verifyLog(run: Run): Promise<BundleFacts> {
  const { source, prefix, manifest, findings, options, notes } = run;
  await checkFiles(source, prefix, manifest, findings);
  const claims: Claims = new Map();
  const checkpoints = await openCheckpoints(run, claims);
  const last = checkpoints.find(({ size }) => size === manifest.range.to);
  if (last === undefined) findings.add('E_ROOT', `no checkpoint of size ${String(manifest.range.to)} holds`);
  const known = options.seen.find(manifest.origin);
  if (known !== undefined)
    claim(claims, known.size, { root: known.root.toString('base64'), code: 'E_FORK', where: 'known' });
  await collectClaims(run, claims);
  const tree = new TreeCheck({ ...manifest, from: manifest.range.from, edge: await edgeOf(run) }, findings);
  const content = new ContentCheck(manifest, source, prefix, findings);
  const seals = new SealCheck(run, tree);
  await walk(run, { tree, content, seals, claims });
  await content.end();
  await seals.end();
  const pairs = tree.end();
  checkCounts(run, tree, content);
  checkTimes(last, tree.tally.newestAt, findings);
  const created = await checkExport(run, notes, last, findings);
  const newest = created?.checkpoint?.origin === manifest.origin ? created.checkpoint : last;
  if (known !== undefined && known.size > (newest?.size ?? 0))
    findings.add('E_ROLLBACK', `size ${String(known.size)} was seen before`);
  return { manifest, tally: tree.tally, pairs, last, newest, seals: seals.count, policy: options.trust.policy };
}

function claim(claims: Claims, size: number, what: { root: string; code: string; where: string }): void {
  const known = claims.get(size) ?? [];
  if (!known.some(({ root, code }) => root === what.root && code === what.code)) claims.set(size, [...known, what]);
}

async function openCheckpoints(run: Run, claims: Claims): Promise<readonly CheckedCheckpoint[]> {
  const found: CheckedCheckpoint[] = [];
  for (const name of run.source.files.keys()) {
    if (!name.startsWith(`${run.prefix}checkpoints/`)) continue;
    const where = name.slice(run.prefix.length);
    if ((run.source.files.get(name) ?? 0) > MAX_NOTE) {
      run.findings.add('E_NOTE', `${where}: too long`);
      continue;
    }
    const note = (await readWhole(run.source, name, MAX_NOTE))?.toString('utf8') ?? '';
    const checkpoint = run.notes.checkpoint(note, run.manifest.origin, where);
    if (checkpoint === undefined) continue;
    found.push(checkpoint);
    claim(claims, checkpoint.size, { root: checkpoint.root.toString('base64'), code: 'E_ROOT', where });
  }
  return found;
}

/** Checkpoints that records name: roots to compare with on the way. The strict reading comes later. */
async function collectClaims({ source, prefix }: Run, claims: Claims): Promise<void> {
  if (!source.files.has(`${prefix}entries.jsonl`)) return;
  const lines = new LineReader(source.read(`${prefix}entries.jsonl`), 'entries.jsonl', MAX_CORE_BYTES);
  for (;;) {
    const taken = lines.take();
    const line = taken instanceof Promise ? await taken : taken;
    if (line === undefined) return;
    const [, root, size] = CP.exec(line.toString('latin1')) ?? [];
    if (root !== undefined)
      claim(claims, Number(size), { root, code: 'E_ROOT', where: `cp of entry ${String(lines.count)}` });
  }
}

async function edgeOf({ source, prefix, manifest, findings }: Run): Promise<readonly Buffer[]> {
  const wanted = nodesOf({ begin: 0, end: manifest.range.from }).length;
  const text = (await readWhole(source, `${prefix}proofs/range.proof`, MAX_NOTE))?.toString('utf8') ?? '';
  const hashes = readHashLines(text);
  if (hashes?.length === wanted) return hashes;
  findings.add('E_PROOF', 'proofs/range.proof');
  return Array.from({ length: wanted }, () => Buffer.alloc(32));
}

interface Checks {
  readonly tree: TreeCheck;
  readonly content: ContentCheck;
  readonly seals: SealCheck;
  readonly claims: Claims;
}

/** Reads positions and cores side by side, in the order of the tree. */
async function walk(run: Run, checks: Checks): Promise<void> {
  const { source, prefix, findings } = run;
  const names = ['positions.csv', 'entries.jsonl'] as const;
  if (!names.every((name) => source.files.has(prefix + name))) return; // That they are missing was found.
  const positions = new LineReader(source.read(`${prefix}positions.csv`), names[0], POSITION_BYTES);
  const entries = new LineReader(source.read(`${prefix}entries.jsonl`), names[1], MAX_CORE_BYTES);
  await positions.take(); // Its header; another one is another digest.
  compareRoots(checks.tree, checks.claims.get(checks.tree.size) ?? [], findings);
  for (;;) {
    const taken = positions.take();
    const line = taken instanceof Promise ? await taken : taken;
    if (line === undefined) break;
    const position = readPosition(line.toString('latin1'));
    if (position === undefined) findings.add('E_MANIFEST', `positions.csv:${String(positions.count)}`);
    else if (!(await step(run, checks, position, entries))) break;
  }
  if ((await entries.take()) !== undefined) findings.add('E_COUNT', 'entries.jsonl: more records than positions');
}

/** One position, and what was claimed of the tree that ends with it; false: its record is missing. */
async function step(run: Run, checks: Checks, position: Position, entries: LineReader): Promise<boolean> {
  const { tree, content, seals } = checks;
  if (position.state === 'stub') tree.stub(position);
  else {
    const entry = entries.take();
    const bytes = entry instanceof Promise ? await entry : entry;
    if (bytes === undefined) {
      run.findings.add('E_COUNT', `index ${String(position.index)}: its record is missing`);
      return false;
    }
    const core = tree.core(position, bytes);
    if (core !== undefined) await content.add(position.index, core);
  }
  const claims = checks.claims.get(tree.size);
  if (claims !== undefined) compareRoots(tree, claims, run.findings);
  if (seals.isDue(tree.size)) await seals.at(tree.size);
  if (tree.size % PROGRESS_EVERY === 0) run.options.onProgress?.(tree.size);
  return true;
}

function compareRoots(tree: TreeCheck, claims: NonNullable<ReturnType<Claims['get']>>, findings: Findings): void {
  const root = tree.root().toString('base64');
  for (const { root: wanted, code, where } of claims) {
    if (wanted !== root) findings.add(code, `${where}: another root at size ${String(tree.size)}`);
  }
}

/** No record under a checkpoint can be later than a witness who signed it. */
function checkTimes(last: CheckedCheckpoint | undefined, newestAt: string, findings: Findings): void {
  for (const { key, atSeconds } of last?.witnesses ?? []) {
    if (atSeconds !== null && Date.parse(newestAt) > atSeconds * 1000 + TOLERANCE_MS)
      findings.add('E_TIME_BOUND', `a record of ${newestAt} was signed by ${key.name} before`);
  }
}

function checkCounts({ manifest, findings }: Run, tree: TreeCheck, content: ContentCheck): void {
  const { cores, stubs, rows, disclosed } = manifest.counts;
  const { tally } = tree;
  if (tree.size !== manifest.range.to) findings.add('E_COUNT', `ends at ${String(tree.size)}`);
  if (tally.cores !== cores || tally.stubs !== stubs || content.disclosed !== disclosed)
    findings.add('E_MANIFEST', 'counts differ from what is here');
  if (content.rows !== rows)
    findings.add('E_INCOMPLETE', `${String(content.rows)} of ${String(rows)} records are here`);
  if (manifest.mode === 'range' && tally.stubs > 0)
    findings.add('E_INCOMPLETE', `${String(tally.stubs)} records are withheld`);
  if (manifest.range.from === 0) checkGenesis(manifest, tree, findings);
}

/** A log begins with one genesis, which names its key. */
function checkGenesis(manifest: BundleManifest, { tally }: TreeCheck, findings: Findings): void {
  const [vkey] = tally.genesisKeys;
  if (tally.stubs === 0 && tally.genesisKeys.length !== 1) findings.add('E_SCHEMA', 'the log needs one genesis');
  if (vkey !== undefined && !manifest.keys.includes(vkey)) findings.add('E_UNTRUSTED_KEY', 'genesis names another key');
}
