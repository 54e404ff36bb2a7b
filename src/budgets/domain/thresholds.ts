import { formatAmount, parseAmount, picoUsd, type PicoUsd } from '../../platform/money/index.js';

export const THRESHOLD_UNITS = ['PERCENT', 'AMOUNT'] as const;
export const THRESHOLD_BASES = ['ACTUAL', 'COMMITTED'] as const;
export const THRESHOLD_LEVELS = ['WARNING', 'CRITICAL'] as const;

/** What is compared: ACTUAL the posted amount, COMMITTED posted and held together. */
export type ThresholdBasis = (typeof THRESHOLD_BASES)[number];

/** When to tell someone about a limit, and when it is over. Values are picos of the metric for AMOUNT, and percent × 10¹² for
 *  PERCENT, so that both are written as decimals. Source: money page §7. */
export interface Threshold {
  /** Unique within its limit and stable: `ACTUAL-80-PERCENT`. */
  readonly id: string;
  readonly basis: ThresholdBasis;
  readonly unit: (typeof THRESHOLD_UNITS)[number];
  readonly at: PicoUsd;
  /** Quiet again below this. */
  readonly resolveAt: PicoUsd;
  readonly level: (typeof THRESHOLD_LEVELS)[number];
}

/** A threshold as it is stored and written by operators; decimals. */
export interface ThresholdText {
  readonly at: string;
  readonly unit?: Threshold['unit'] | undefined;
  readonly basis?: ThresholdBasis | undefined;
  readonly level?: Threshold['level'] | undefined;
  readonly resolveAt?: string | undefined;
}

const PERCENT = 10n ** 12n;
const WHOLE = 100n * PERCENT;
/** Points of percent between firing and quiet, unless somebody says otherwise. */
const HYSTERESIS = 5n * PERCENT;

/** How long a basis has to stay beyond its edge. Reserved money comes and goes with every call. */
export const CONFIRM_MS: Readonly<Record<ThresholdBasis, number>> = { ACTUAL: 0, COMMITTED: 60_000 };

/** Reads a threshold. Left out: PERCENT of ACTUAL, quiet five points (or five percent of the amount) lower, CRITICAL from the
 *  whole limit on. @throws RangeError — no decimals, or `resolveAt` is not below `at` */
export function readThreshold({ at, unit = 'PERCENT', basis = 'ACTUAL', level, resolveAt }: ThresholdText): Threshold {
  const edge = parseAmount(at);
  const margin = unit === 'PERCENT' ? HYSTERESIS : edge / 20n;
  const calm = resolveAt === undefined ? picoUsd(edge > margin ? edge - margin : 0n) : parseAmount(resolveAt);
  if (edge <= 0n || calm >= edge || calm < 0n) throw new RangeError('resolveAt must lie below at, and at above 0');
  return {
    id: `${basis}-${plain(edge)}-${unit}`,
    basis,
    unit,
    at: edge,
    resolveAt: calm,
    level: level ?? (unit === 'PERCENT' && edge >= WHOLE ? 'CRITICAL' : 'WARNING'),
  };
}

/** The form {@link readThreshold} reads. */
export function writeThreshold({ at, unit, basis, level, resolveAt }: Threshold): Required<ThresholdText> {
  return { at: plain(at), unit, basis, level, resolveAt: plain(resolveAt) };
}

/** A decimal without the zeros that say nothing. */
function plain(value: PicoUsd): string {
  return formatAmount(value).replace(/\.?0+$/, '');
}

/** Thresholds of a limit that names none. Source: money page §7. */
export const DEFAULT_THRESHOLDS: readonly Threshold[] = [readThreshold({ at: '80' }), readThreshold({ at: '100' })];

/** True when `value` reaches `edge` of the limit; exact, nothing is divided. */
function reaches(value: PicoUsd, edge: PicoUsd, { unit, limit }: { unit: Threshold['unit']; limit: PicoUsd }): boolean {
  return unit === 'AMOUNT' ? value >= edge : value * WHOLE >= limit * edge;
}

/** A balance before and after a flush. */
export interface Movement {
  readonly postedBefore: PicoUsd;
  readonly postedAfter: PicoUsd;
  readonly limit: PicoUsd;
}

/** The thresholds of ACTUAL that a movement passed upwards, and whether the limit itself was reached. Pure. */
export function crossingsOf(
  thresholds: readonly Threshold[],
  { postedBefore, postedAfter, limit }: Movement,
): { readonly passed: readonly Threshold[]; readonly exhausted: boolean } {
  const passed = thresholds.filter(
    ({ basis, unit, at }) =>
      basis === 'ACTUAL' && !reaches(postedBefore, at, { unit, limit }) && reaches(postedAfter, at, { unit, limit }),
  );
  return { passed, exhausted: postedBefore < limit && postedAfter >= limit };
}

/** Where a threshold of a balance stands. */
export interface ThresholdState {
  readonly state: 'ok' | 'firing';
  /** Since when the value lies beyond the edge without firing yet; null: it does not. */
  readonly pendingSinceMs: number | null;
}

/** What follows for one threshold from the state of its balance: `fire` and `calm` are transitions, `pend` and `unpend` note
 *  the beginning and the end of a wait. Pure. */
export function nextStep(
  threshold: Threshold,
  known: ThresholdState,
  now: { readonly value: PicoUsd; readonly limit: PicoUsd; readonly atMs: number; readonly ended: boolean },
): 'fire' | 'calm' | 'pend' | 'unpend' | 'none' {
  const scale = { unit: threshold.unit, limit: now.limit };
  if (known.state === 'firing') return now.ended || !reaches(now.value, threshold.resolveAt, scale) ? 'calm' : 'none';
  if (now.ended || !reaches(now.value, threshold.at, scale)) return known.pendingSinceMs === null ? 'none' : 'unpend';
  const confirmMs = CONFIRM_MS[threshold.basis];
  if (confirmMs === 0) return 'fire';
  if (known.pendingSinceMs === null) return 'pend';
  return now.atMs - known.pendingSinceMs >= confirmMs ? 'fire' : 'none';
}
