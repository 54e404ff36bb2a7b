import type { Finding, Findings } from './domain/finding.js';
import type { VerdictLine } from './domain/verdict-line.js';

/** What was found out about the logs of a database. */
export interface LiveVerdict {
  /** No line failed: exit code 0, else 1. */
  readonly ok: boolean;
  /** Some line warns: with `--strict` exit code 1. */
  readonly warned: boolean;
  readonly lines: readonly VerdictLine[];
  /** The first 1 000. */
  readonly findings: readonly Finding[];
  /** How often each code was found. */
  readonly counts: Readonly<Record<string, number>>;
  readonly records: number;
  readonly lanes: number;
  /** Intents without a terminal record: calls in flight. */
  readonly openIntents: number;
}

/** What a verification counted beside its findings. */
export interface Tally {
  readonly records: number;
  readonly lanes: number;
  readonly logs: number;
  /** Logs whose signing key is here, and of these the ones whose genesis names that key. */
  readonly keys: { readonly here: number; readonly named: number };
  readonly openIntents: number;
  readonly lockedBlobs: number;
  readonly hasRelaxed: boolean;
  /** Instant of the newest record; empty when there is none. */
  readonly newest: string;
  readonly checkedAt: string;
  /** Checkpoints that were checked; records under one; records in a tree. */
  readonly tree: { readonly checkpoints: number; readonly signed: number; readonly sequenced: number };
}

const COMPLETENESS = new Set(['E_COUNT', 'E_OPEN_INTENT', 'E_MISSING_VAULT', 'W_OPEN_INTENT']);
const AUTHENTICITY = new Set(['E_UNTRUSTED_KEY', 'E_SIG', 'E_KEY_EPOCH']);

function stateOf(codes: readonly string[]): 'ok' | 'warn' | 'fail' {
  if (codes.some((code) => code.startsWith('E_'))) return 'fail';
  return codes.length > 0 ? 'warn' : 'ok';
}

const withCodes = (text: string, codes: readonly string[]): string =>
  codes.length === 0 ? text : `${text}: ${codes.join(' ')}`;

function signedText({ records, tree }: Tally): string {
  if (tree.checkpoints === 0) return 'no checkpoint is signed yet';
  const rest = records - tree.signed;
  return `${String(tree.checkpoints)} checkpoints hold, over ${String(tree.signed)} records${rest > 0 ? `; ${String(rest)} wait for one` : ''}`;
}

/** The five lines. Source: evidence page §10. */
export function verdictOf(findings: Findings, tally: Tally): LiveVerdict {
  const codes = [...findings.counts.keys()];
  if (tally.hasRelaxed) codes.push('W_RELAXED');
  if (tally.openIntents > 0) codes.push('W_OPEN_INTENT');
  codes.sort();
  const missing = codes.filter((code) => COMPLETENESS.has(code));
  const foreign = codes.filter((code) => AUTHENTICITY.has(code));
  const broken = codes.filter((code) => !COMPLETENESS.has(code) && !AUTHENTICITY.has(code));
  const locked = tally.lockedBlobs === 0 ? '' : `; ${String(tally.lockedBlobs)} vault blobs are locked here`;
  const lines: readonly VerdictLine[] = [
    {
      name: 'INTEGRITY',
      state: stateOf(broken),
      text: withCodes(`${String(tally.records)} records, ${String(tally.lanes)} lanes, 3 algorithms`, broken),
      codes: broken,
    },
    {
      name: 'AUTHENTICITY',
      state: foreign.length > 0 ? 'fail' : tally.tree.checkpoints === 0 ? 'none' : 'ok',
      text: withCodes(
        `${signedText(tally)}; ${String(tally.keys.named)} of ${String(tally.logs)} logs name the key that is here`,
        foreign,
      ),
      codes: foreign,
    },
    { name: 'INDEPENDENCE', state: 'none', text: 'nobody outside this installation has signed', codes: [] },
    {
      name: 'COMPLETENESS',
      // A call that runs is nothing to warn of in a live log.
      state: missing.some((code) => code.startsWith('E_')) ? 'fail' : 'ok',
      text: withCodes(
        `each intent has one end; ${String(tally.openIntents)} in flight${locked}`,
        missing.filter((code) => code.startsWith('E_')),
      ),
      codes: missing,
    },
    {
      name: 'FRESHNESS',
      state: 'as of',
      text: `${tally.newest === '' ? 'no record' : tally.newest}, checked ${tally.checkedAt}`,
      codes: [],
    },
  ];
  return {
    ok: lines.every(({ state }) => state !== 'fail'),
    warned: lines.some(({ state }) => state === 'warn'),
    lines,
    findings: findings.examples,
    counts: Object.fromEntries(findings.counts),
    records: tally.records,
    lanes: tally.lanes,
    openIntents: tally.openIntents,
  };
}
