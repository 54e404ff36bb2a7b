import type { QualityEstimate } from './quality-cell.js';

/** Share of the baseline's quality that a tier promises. Source: routing page §1. */
export const TIER_TARGETS = { economy: 0.9, balanced: 0.95, premium: 0.98, critical: 1 } as const;
/** A task may lie this far below the target that holds on average. */
const GUARD_SLACK = 0.1;
/** A head moves an estimate by at most this much: bounds what a crafted prompt can do. */
export const MOST_MOVED = 0.25;
/** Evidence from which on an approval no longer counts. */
const APPROVAL_UNTIL = 100;
/** Differences of utility below it are none. */
const TIE = 1e-9;

/** One model that may serve, as the choice sees it. */
export interface QualityOption {
  /** Undefined: nothing is known about it in this task. */
  readonly cell: QualityEstimate | undefined;
  /** What its head says of this prompt; undefined: it has none, or it is switched off. */
  readonly head: number | undefined;
  /** Expected cost ÷ mean cost of the baseline, ≥ 0. */
  readonly cost: number;
  /** An administrator approved it for this task: stands in for evidence while there is little. */
  readonly isApproved?: boolean;
}

/** Why a model may serve: by what was measured, because somebody approved it, or as the measure itself. */
export type QualityEvidence = 'posterior' | 'approval' | 'baseline';
/** Why it may not: below the guard, below the bound of the request, or nothing is known. */
export type QualityRefusal = 'guard' | 'min_quality' | 'no_evidence';

/** How a choice weighs quality against cost. `floor`: cheapest whose lower bound meets the floor; `target`: greatest quality less
 *  `lambda` × cost, where the head has the share `headShare` of the estimate. */
export type QualityRule =
  { readonly rule: 'floor' } | { readonly rule: 'target'; readonly lambda: number; readonly headShare: number };

/** Mean of the cell, moved towards the head by its share, at most {@link MOST_MOVED}. */
export function blendedQuality({ cell, head }: QualityOption, headShare: number): number {
  const mean = cell?.mean ?? 0;
  if (head === undefined) return mean;
  return mean + Math.max(-MOST_MOVED, Math.min(MOST_MOVED, headShare * (head - mean)));
}

/** Whether a model may serve a task at all for a target 0…1 of the baseline's mean: by the table only, never by the prompt. */
export function passesGuard(
  cell: QualityEstimate | undefined,
  baseline: QualityEstimate | undefined,
  target: number,
): boolean {
  return cell !== undefined && baseline !== undefined && cell.lower >= (target - GUARD_SLACK) * baseline.mean;
}

/** What a choice is made for. */
export interface QualityGoal {
  /** Share of the baseline's quality, 0…1. */
  readonly target: number;
  /** Absolute lower bound, 0…1; 0: none. */
  readonly minQuality: number;
  readonly rule: QualityRule;
  /** Mean quality that shares are taken of; absent: that of the baseline's cell. */
  readonly measure?: number;
}

/** Whether an option may serve, and by what. The guard of a tuned rule looks at the table only; the floor asks for more. An
 *  approval passes what evidence has not yet contradicted, never a named bound and never the whole of the baseline's quality. */
export function judgeQuality(
  option: QualityOption,
  goal: QualityGoal,
  measure: number,
): Exclude<QualityEvidence, 'baseline'> | QualityRefusal {
  const { cell } = option;
  const guard = (goal.target - GUARD_SLACK) * measure;
  const isApproved = option.isApproved === true && mayApprove(goal);
  if (cell === undefined || cell.mass === 0) return isApproved ? 'approval' : 'no_evidence';
  if (cell.lower >= Math.max(usesFloor(goal) ? goal.target * measure : guard, goal.minQuality)) return 'posterior';
  if (goal.minQuality > 0) return 'min_quality';
  const isOpen = cell.upper >= guard && cell.mass < APPROVAL_UNTIL;
  return isOpen && isApproved ? 'approval' : 'guard';
}

function mayApprove({ target, minQuality }: QualityGoal): boolean {
  return target < 1 && minQuality === 0;
}

/** True where only cost orders what passed. */
export function usesFloor({ rule, target, minQuality }: QualityGoal): boolean {
  return rule.rule === 'floor' || target >= 1 || minQuality > 0;
}

/** What a rule gains from an option: quality less weighted cost, or just less cost. */
export function utilityOf(option: QualityOption, goal: QualityGoal): number {
  const { rule } = goal;
  if (rule.rule === 'floor' || usesFloor(goal)) return -option.cost;
  return blendedQuality(option, rule.headShare) - rule.lambda * option.cost;
}

/** Positions of `options` that may serve, best first. The baseline (position `baseline`) always may. Pure; ties go to the
 *  cheaper, then to the earlier position. */
export function rankByQuality(
  options: readonly QualityOption[],
  baseline: number,
  goal: QualityGoal,
): readonly number[] {
  const measure = goal.measure ?? options[baseline]?.cell?.mean ?? 0;
  const may = (option: QualityOption): boolean => {
    const judged = judgeQuality(option, goal, measure);
    return judged === 'posterior' || judged === 'approval';
  };
  return options
    .map((option, position) => ({ position, option, utility: utilityOf(option, goal) }))
    .filter(({ option, position }) => position === baseline || may(option))
    .sort((a, b) => {
      const difference = b.utility - a.utility;
      return Math.abs(difference) > TIE ? difference : a.option.cost - b.option.cost || a.position - b.position;
    })
    .map(({ position }) => position);
}
