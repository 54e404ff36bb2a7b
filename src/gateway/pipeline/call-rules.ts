import { larger, parseAmount, picoUsd, ZERO, type PicoUsd } from '../../platform/money/index.js';
import type { Criticality } from '../../platform/security/index.js';
import type { CallRules, HedgeRule } from '../../providers/index.js';
import { allowedPlaces, type Ranked, type RoutePolicyBody } from '../../routing/index.js';

/** Who a call is made for, as far as its rules depend on it. */
export interface CallStanding {
  readonly orgId: string;
  readonly criticality: Criticality;
  /** Choices that are asked for. */
  readonly choices: number;
}

/** What the policy says about the attempts of one call. The most critical calls keep reasoning back, so that a fault after it can
 *  still be answered by another provider. */
export function callRules(policy: RoutePolicyBody, standing: CallStanding, plan: readonly Ranked[]): CallRules {
  const isTop = standing.criticality === 'critical-plus';
  return {
    commitOn: policy.commitOn === 'default' && isTop ? 'content' : policy.commitOn,
    onRefusal: policy.onRefusal,
    onCut: policy.onCut,
    hedge: hedgeRule(policy, standing, plan),
  };
}

function hedgeRule(
  { hedge }: RoutePolicyBody,
  { orgId, criticality, choices }: CallStanding,
  plan: readonly Ranked[],
): HedgeRule | null {
  if (hedge?.criticalities.includes(criticality) !== true || choices > 1) return null;
  if (plan[0]?.quote.currency !== hedge.currency) return null;
  return {
    account: orgId,
    dailyLimit: parseAmount(hedge.dailyAmount),
    worst: new Map(plan.map(({ deployment, worst }) => [deployment.id, worst])),
  };
}

/** The plan with the worst cases that are to be held. With hedging two attempts run at once: each place holds for itself and for
 *  the dearest at another provider. */
export function heldPlan(plan: readonly Ranked[], { hedge }: CallRules): readonly Ranked[] {
  if (hedge === null) return plan;
  return plan.map((one) => ({ ...one, worst: picoUsd(one.worst + dearestElsewhere(plan, one)) }));
}

function dearestElsewhere(plan: readonly Ranked[], { deployment }: Ranked): PicoUsd {
  return plan.reduce<PicoUsd>(
    (most, other) => (other.deployment.providerId === deployment.providerId ? most : larger(most, other.worst)),
    ZERO,
  );
}

/** The places an answer may come from: what policy and caller allow together; null: anywhere. */
export function callPlaces(policy: RoutePolicyBody, wished: readonly string[] | undefined): readonly string[] | null {
  return allowedPlaces(policy.jurisdictions, wished);
}
