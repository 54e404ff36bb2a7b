import type { QualityEstimate } from './quality-cell.js';

/** Share of the baseline's quality that a tier promises. Source: routing page §1. */
export const TIER_TARGETS = { economy: 0.9, balanced: 0.95, premium: 0.98, critical: 1 } as const;
/** A task may lie this far below the target that holds on average. */
const GUARD_SLACK = 0.1;
/** A head moves an estimate by at most this much: bounds what a crafted prompt can do. */
export const MOST_MOVED = 0.25;
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
}

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
}

/** Positions of `options` that may serve, best first. The baseline (position `baseline`) always may. Pure; ties go to the
 *  cheaper, then to the earlier position. */
export function rankByQuality(
  options: readonly QualityOption[],
  baseline: number,
  goal: QualityGoal,
): readonly number[] {
  const base = options[baseline]?.cell;
  const floor = Math.max(goal.target * (base?.mean ?? 0), goal.minQuality);
  const { rule } = goal;
  const usesFloor = rule.rule === 'floor' || goal.target >= 1 || goal.minQuality > 0;
  const passes = (option: QualityOption, position: number): boolean => {
    if (position === baseline) return true;
    if (usesFloor) return base !== undefined && option.cell !== undefined && option.cell.lower >= floor;
    return passesGuard(option.cell, base, goal.target);
  };
  const utility = (option: QualityOption): number =>
    usesFloor ? -option.cost : blendedQuality(option, rule.headShare) - rule.lambda * option.cost;
  return options
    .map((option, position) => ({
      position,
      cost: option.cost,
      utility: utility(option),
      may: passes(option, position),
    }))
    .filter(({ may }) => may)
    .sort((a, b) => {
      const difference = b.utility - a.utility;
      return Math.abs(difference) > TIE ? difference : a.cost - b.cost || a.position - b.position;
    })
    .map(({ position }) => position);
}
