import type { BundleManifest } from '../domain/bundle.js';
import type { Finding, Findings } from '../domain/finding.js';
import type { Policy } from '../domain/policy.js';
import { LINE_NAMES, lineOf, type LineName, type VerdictLine } from '../domain/verdict-line.js';
import type { CheckedCheckpoint } from './notes-check.js';
import type { TreeTally } from './tree-check.js';
import type { VerifyOptions } from './trust.js';

/** What a verification of one log found out beside its findings. */
export interface BundleFacts {
  readonly manifest: BundleManifest;
  readonly tally: TreeTally;
  readonly pairs: { readonly open: number; readonly orphans: number; readonly lanes: number };
  /** Checkpoint at the end of the range. */
  readonly last: CheckedCheckpoint | undefined;
  /** The newest checkpoint in the bundle. */
  readonly newest: CheckedCheckpoint | undefined;
  readonly seals: number;
  readonly policy: Policy | undefined;
}

/** The five lines about one log of a bundle. */
export interface BundleVerdict {
  readonly origin: string;
  /** No line failed and the key is trusted: exit code 0, else 1. */
  readonly ok: boolean;
  /** Some line warns: with `--strict` exit code 1. */
  readonly warned: boolean;
  readonly lines: readonly VerdictLine[];
  /** The first 1 000. */
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<string, number>>;
  readonly records: number;
  /** The newest checkpoint, worth remembering when everything is ok. */
  readonly checkpoint: string | null;
}

type State = VerdictLine['state'];

/** Judges. Source: evidence page §10. */
export function bundleVerdict(
  findings: Findings,
  facts: BundleFacts | undefined,
  { trust, nowMs }: Pick<VerifyOptions, 'trust' | 'nowMs'>,
): BundleVerdict {
  const codes = codesOf(findings, facts);
  const texts: Readonly<Record<LineName, readonly [State, string]>> = {
    INTEGRITY: integrity(facts),
    AUTHENTICITY: authenticity(facts, trust.from),
    INDEPENDENCE: independence(facts),
    COMPLETENESS: completeness(facts),
    FRESHNESS: freshness(facts, nowMs),
  };
  const lines = LINE_NAMES.map((name) => judged(name, texts[name], codes));
  return {
    origin: facts?.manifest.origin ?? '',
    ok: lines.every(({ state }) => state !== 'fail') && lines[1]?.state === 'ok',
    warned: lines.some(({ state }) => state === 'warn'),
    lines,
    findings: findings.examples,
    counts: Object.fromEntries(findings.counts),
    records: recordsOf(facts),
    checkpoint: facts?.newest?.note ?? null,
  };
}

function recordsOf(facts: BundleFacts | undefined): number {
  return facts === undefined ? 0 : facts.tally.cores + facts.tally.stubs;
}

/** A line in the light of the codes that belong on it. */
function judged(name: LineName, [good, text]: readonly [State, string], codes: readonly string[]): VerdictLine {
  const own = codes.filter((code) => lineOf(code) === name);
  const state = own.some((code) => code.startsWith('E_')) ? 'fail' : own.length > 0 && good === 'ok' ? 'warn' : good;
  return { name, state, text: own.length === 0 ? text : `${text}: ${own.join(' ')}`, codes: own };
}

function codesOf(findings: Findings, facts: BundleFacts | undefined): readonly string[] {
  const codes = new Set(findings.counts.keys());
  if (facts?.tally.isRelaxed === true) codes.add('W_RELAXED');
  if ((facts?.pairs.orphans ?? 0) > 0 && !codes.has('E_ORPHAN_OUTCOME')) codes.add('W_STUBBED_PEER');
  if (facts !== undefined && !hasQuorum(facts)) codes.add('E_QUORUM');
  return [...codes].sort();
}

function hasQuorum({ policy, last, newest }: BundleFacts): boolean {
  if (policy === undefined || policy.quorum === null) return true;
  return [last, newest].some(
    (one) => one !== undefined && policy.isQuorum(new Set(one.witnesses.map(({ key }) => key))),
  );
}

function integrity(facts: BundleFacts | undefined): readonly [State, string] {
  if (facts === undefined) return ['fail', 'the bundle cannot be read'];
  const { cores, stubs } = facts.tally;
  const seals = facts.seals === 0 ? '' : `, ${String(facts.seals)} seals`;
  return [
    'ok',
    `${String(cores + stubs)} records, ${String(facts.pairs.lanes)} lanes, 3 algorithms${seals}, root and tables match`,
  ];
}

function authenticity(facts: BundleFacts | undefined, from: string): readonly [State, string] {
  const { last, policy } = facts ?? {};
  if (last === undefined) return ['unknown', 'no checkpoint holds'];
  const key = `${last.origin} (key ${keyIdOf(facts)}`;
  if (policy === undefined) return ['unknown', `${key}, named by the bundle itself; pin it with --trust)`];
  return last.isTrusted ? ['ok', `${key}, ${from})`] : ['unknown', `${key}, not trusted)`];
}

function keyIdOf(facts: BundleFacts | undefined): string {
  const { keys = [], origin = '' } = facts?.manifest ?? {};
  return keys.find((vkey) => vkey.startsWith(`${origin}+`))?.slice(origin.length + 1, origin.length + 9) ?? '?';
}

function independence(facts: BundleFacts | undefined): readonly [State, string] {
  const signed = new Set(
    [facts?.last, facts?.newest].flatMap((one) => one?.witnesses.map(({ key }) => key.vkey) ?? []),
  );
  const asked = facts?.policy?.witnesses.length ?? 0;
  if (signed.size === 0) return ['none', 'nobody outside the operator has signed'];
  return ['ok', `witnesses ${String(signed.size)} of ${String(asked)}`];
}

function completeness(facts: BundleFacts | undefined): readonly [State, string] {
  if (facts === undefined) return ['unknown', 'the bundle cannot be read'];
  const { manifest, tally, pairs } = facts;
  const { from, to } = manifest.range;
  const part = from === 0 ? '' : `; the log before index ${String(from)} is not here`;
  const rest = `${String(tally.stubs)} stubs; ${String(pairs.open)} calls in flight${part}`;
  const counted =
    manifest.caseTag === null
      ? `${String(tally.cores)} of ${String(to - from)} records`
      : `${String(tally.caseCores)} of ${String(manifest.counts.rows)} records of caseTag ${manifest.caseTag}`;
  // With stubs nobody can count what is not shown.
  return [tally.stubs > 0 ? 'unknown' : 'ok', `${counted}; ${rest}`];
}

function freshness(facts: BundleFacts | undefined, nowMs: number): readonly [State, string] {
  const { newest, tally } = facts ?? {};
  if (newest === undefined) return ['unknown', 'no checkpoint holds'];
  const times = newest.witnesses.flatMap(({ atSeconds }) => (atSeconds === null ? [] : [atSeconds * 1000]));
  const witnessedMs = Math.min(...times);
  const [word, atMs] = Number.isFinite(witnessedMs)
    ? ['witnessed', witnessedMs]
    : ['newest record', Date.parse(tally?.newestAt ?? '')];
  const at = Number.isFinite(atMs)
    ? `${new Date(atMs).toISOString()}, ${ageOf(nowMs - atMs)} before this check`
    : 'unknown';
  return ['as of', `size ${String(newest.size)}, ${word} ${at}`];
}

function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${String(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${String(minutes)} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${String(hours)} h` : `${String(Math.floor(hours / 24))} days`;
}
