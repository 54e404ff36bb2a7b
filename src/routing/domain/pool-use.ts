import type { Criticality } from '../../platform/security/index.js';
import { TRANSIENT, type DeploymentVerdict, type RouteDecision } from './route-decision.js';

/** How much of the capacity that may serve a call its class may fill. Source: money page §13. */
export const CLASS_SHARES: Readonly<Record<Criticality, number>> = {
  'critical-plus': 1,
  critical: 0.9,
  'sheddable-plus': 0.75,
  sheddable: 0.6,
};

/** Classes for which the use is predicted to the end of the window: they make room before it is gone. */
const PREDICTED: ReadonlySet<Criticality> = new Set(['sheddable-plus', 'sheddable']);

/** Used share of all deployments that may serve a call, weighed by what each bears, 0…1. One that is out for the moment counts as
 *  full, one that is out for good does not count. Pure. */
export function poolUse({ candidates }: Pick<RouteDecision, 'candidates'>, criticality: Criticality): number {
  let [capacity, free] = [0, 0];
  for (const one of candidates.flatMap(({ deployments }) => deployments)) {
    if (!isInPool(one)) continue;
    capacity += one.limit;
    free += one.limit * freeShare(one, PREDICTED.has(criticality));
  }
  return capacity === 0 ? 1 : 1 - free / capacity;
}

function isInPool({ status, rejections }: DeploymentVerdict): boolean {
  return status !== 'rejected' || rejections.every(({ reason }) => TRANSIENT.has(reason) && reason !== 'draining');
}

function freeShare({ status, inFlight, limit, predictedUse }: DeploymentVerdict, isPredicted: boolean): number {
  if (status === 'rejected') return 0;
  const busy = inFlight / Math.max(1, limit);
  return Math.max(0, 1 - (isPredicted ? Math.max(busy, predictedUse) : busy));
}
