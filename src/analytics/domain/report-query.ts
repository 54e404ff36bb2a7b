import type { ExportFormat } from './export-lines.js';
import type { FocusVersion } from './focus-columns.js';
import type { Dimension } from './usage-filter.js';

/** Kinds of files that can be asked for. */
export const REPORT_KINDS = ['usage', 'chargeback', 'focus'] as const;

/** One of {@link REPORT_KINDS}. */
export type ReportKind = (typeof REPORT_KINDS)[number];

/** What a file shall hold. Kept with the job: the same query gives the same bytes while the data are the same. */
export interface ReportQuery {
  readonly kind: ReportKind;
  readonly format: ExportFormat;
  /** Whole days, UTC; of a chargeback whole months. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly currency: string;
  readonly includeSimulated: boolean;
  readonly investigations: readonly string[];
  readonly teams: readonly string[];
  readonly users: readonly string[];
  /** usage: what its rows are grouped by. */
  readonly by: readonly Dimension[];
  /** usage and focus: width of a row's period. */
  readonly period: 'hour' | 'day';
  /** focus: version of the specification. */
  readonly spec: FocusVersion;
}

/** A piece of work whose rows are written together or not at all. */
export interface ReportUnit {
  readonly fromMs: number;
  readonly toMs: number;
}

const DAY_MS = 86_400_000;

/** The pieces of a report in order: days, or of a chargeback months. */
export function unitsOf({ kind, fromMs, toMs }: Pick<ReportQuery, 'kind' | 'fromMs' | 'toMs'>): readonly ReportUnit[] {
  const units: ReportUnit[] = [];
  for (let atMs = fromMs; atMs < toMs;) {
    const next = kind === 'chargeback' ? nextMonth(atMs) : atMs + DAY_MS;
    units.push({ fromMs: atMs, toMs: Math.min(next, toMs) });
    atMs = next;
  }
  return units;
}

function nextMonth(atMs: number): number {
  const at = new Date(atMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

/** Groups of a chargeback. */
export const CHARGEBACK_BY: readonly Dimension[] = ['TEAM', 'INVESTIGATION', 'PROVIDER', 'MODEL'];
