import { picoUsd, type PicoUsd } from '../../platform/money/index.js';

/** What a statement can be about. */
export const STATEMENT_SCOPES = ['ORGANISATION', 'TEAM', 'INVESTIGATION', 'COST_CENTRE'] as const;

/** One of {@link STATEMENT_SCOPES}. */
export type StatementScope = (typeof STATEMENT_SCOPES)[number];

/** What somebody used of one model in a month. */
export interface StatementSum {
  readonly teamId: string | null;
  readonly investigationId: string | null;
  readonly provider: string;
  readonly model: string;
  readonly requests: bigint;
  readonly tokens: bigint;
  readonly cost: PicoUsd;
  /** The part of `cost` that nobody confirmed. */
  readonly unconfirmed: PicoUsd;
}

/** A line of a statement: usage of its month, or what became known of an earlier one since that was stated. */
export interface StatementLine extends StatementSum {
  readonly class: 'USAGE' | 'CORRECTION';
  /** `2026-11`. */
  readonly month: string;
}

const keyOf = ({ teamId, investigationId, provider, model }: StatementSum): string =>
  JSON.stringify([teamId, investigationId, provider, model]);

/** What must be added to everything stated of a month so that it says what is known now; empty when nothing changed.
 *  `stated` may name a key several times. Sorted by key. */
export function correctionsOf(
  month: string,
  stated: readonly StatementSum[],
  known: readonly StatementSum[],
): readonly StatementLine[] {
  const differences = new Map<string, StatementLine>();
  const add = (sum: StatementSum, sign: 1n | -1n): void => {
    const before = differences.get(keyOf(sum));
    differences.set(keyOf(sum), {
      ...sum,
      class: 'CORRECTION',
      month,
      requests: (before?.requests ?? 0n) + sign * sum.requests,
      tokens: (before?.tokens ?? 0n) + sign * sum.tokens,
      cost: picoUsd((before?.cost ?? 0n) + sign * sum.cost),
      unconfirmed: picoUsd((before?.unconfirmed ?? 0n) + sign * sum.unconfirmed),
    });
  };
  for (const sum of known) add(sum, 1n);
  for (const sum of stated) add(sum, -1n);
  return [...differences]
    .filter(([, { requests, tokens, cost, unconfirmed }]) =>
      [requests, tokens, cost, unconfirmed].some((part) => part !== 0n),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, line]) => line);
}

/** First instant of a month (`2026-11`) and of the next, UTC. */
export function monthBounds(month: string): { readonly fromMs: number; readonly toMs: number } {
  const [year = 0, number = 0] = month.split('-').map(Number);
  return { fromMs: Date.UTC(year, number - 1, 1), toMs: Date.UTC(year, number, 1) };
}
