/** One of the five lines of a verdict. */
export interface VerdictLine {
  readonly name: LineName;
  readonly state: 'ok' | 'warn' | 'fail' | 'none' | 'unknown' | 'as of';
  readonly text: string;
  /** Codes that decided the state, sorted. */
  readonly codes: readonly string[];
}

/** What a verdict answers, in this order. */
export const LINE_NAMES = ['INTEGRITY', 'AUTHENTICITY', 'INDEPENDENCE', 'COMPLETENESS', 'FRESHNESS'] as const;

/** One of {@link LINE_NAMES}. */
export type LineName = (typeof LINE_NAMES)[number];

/** Codes that do not speak about integrity. Source: evidence page §10. */
const LINES: Readonly<Record<string, LineName>> = {
  E_SIG: 'AUTHENTICITY',
  E_UNTRUSTED_KEY: 'AUTHENTICITY',
  E_KEY_EPOCH: 'AUTHENTICITY',
  E_QUORUM: 'INDEPENDENCE',
  E_TSA: 'INDEPENDENCE',
  W_NO_TSA: 'INDEPENDENCE',
  E_INCOMPLETE: 'COMPLETENESS',
  E_MISSING_VAULT: 'COMPLETENESS',
  E_ORPHAN_OUTCOME: 'COMPLETENESS',
  E_OPEN_INTENT: 'COMPLETENESS',
  E_TERMINAL: 'COMPLETENESS',
  E_PURGE: 'COMPLETENESS',
  E_RECEIPT: 'COMPLETENESS',
  W_OPEN_INTENT: 'COMPLETENESS',
  W_STUBBED_PEER: 'COMPLETENESS',
  E_ROLLBACK: 'FRESHNESS',
  E_FORK: 'FRESHNESS',
  W_FRESHNESS: 'FRESHNESS',
};

/** The line on which a code is reported. */
export function lineOf(code: string): LineName {
  return LINES[code] ?? 'INTEGRITY';
}
