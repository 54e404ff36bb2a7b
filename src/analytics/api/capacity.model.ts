import { Field, Float, Int, ObjectType } from '@nestjs/graphql';

import type { CapacityLimit, DeploymentCapacity } from '../../routing/index.js';
import { BigCount, Instant } from './scalars.js';

const MS_PER_SECOND = 1000;

/** Where a model can be called. */
@ObjectType('DeploymentName')
export class DeploymentNameModel {
  @Field(() => String)
  id!: string;

  @Field(() => String)
  provider!: string;

  @Field(() => String)
  model!: string;

  @Field(() => String, { nullable: true })
  region!: string | null;

  @Field(() => Boolean)
  simulated!: boolean;
}

/** One limit that a partner sets on us. Null: unknown. */
@ObjectType('UpstreamLimit')
export class UpstreamLimitModel {
  @Field(() => String)
  unit!: string;

  @Field(() => BigCount, { nullable: true })
  limit!: number | null;

  @Field(() => BigCount, { nullable: true })
  used!: number | null;

  @Field(() => BigCount)
  reserved!: number;

  @Field(() => BigCount, { nullable: true })
  remaining!: number | null;

  @Field(() => String, { description: 'header, body, configured or learned' })
  source!: string;

  @Field(() => Instant, { nullable: true })
  resetsAt!: number | null;

  @Field(() => Int, { nullable: true, description: 'At the present rate of use; null when it lasts until the reset' })
  exhaustsInSeconds!: number | null;
}

/** What one deployment can still take. */
@ObjectType('Capacity')
export class CapacityModel {
  @Field(() => DeploymentNameModel)
  deployment!: DeploymentNameModel;

  @Field(() => String)
  state!: string;

  @Field(() => String)
  breaker!: string;

  @Field(() => String)
  health!: string;

  @Field(() => Int)
  inFlight!: number;

  @Field(() => Int)
  concurrencyLimit!: number;

  @Field(() => [UpstreamLimitModel])
  limits!: readonly UpstreamLimitModel[];
}

/** One picture of all partners, once a second. */
@ObjectType('Dashboard')
export class DashboardModel {
  @Field(() => Int, { description: 'Grows by one with each picture of a subscription' })
  seq!: number;

  @Field(() => Instant)
  asOf!: number;

  @Field(() => Float, { description: 'Smallest part left of any limit, averaged over deployments; 0 to 1' })
  capacityLeftRatio!: number;

  @Field(() => Float)
  requestsPerSecond!: number;

  @Field(() => [CapacityModel])
  capacity!: readonly CapacityModel[];
}

/** Seconds until the limit is gone at the rate at which this window was used so far. */
function exhaustsIn({ used, remaining, resetsAtMs }: CapacityLimit, nowMs: number): number | null {
  const windowSeconds = 60;
  if (used === null || used <= 0 || remaining === null || resetsAtMs === null) return null;
  const leftSeconds = Math.max(0, (resetsAtMs - nowMs) / MS_PER_SECOND);
  const elapsed = Math.max(1, windowSeconds - leftSeconds);
  const seconds = remaining / (used / elapsed);
  return seconds < leftSeconds ? Math.floor(seconds) : null;
}

export function toCapacityModel(capacity: DeploymentCapacity, nowMs: number): CapacityModel {
  const { deployment, state, breaker, health, inFlight, concurrencyLimit, limits } = capacity;
  return {
    deployment: {
      id: deployment.id,
      provider: deployment.providerName,
      model: deployment.model,
      region: deployment.region,
      simulated: deployment.simulated,
    },
    state,
    breaker,
    health,
    inFlight,
    concurrencyLimit,
    limits: limits.map((limit) => ({
      unit: limit.unit,
      limit: limit.limit,
      used: limit.used,
      reserved: limit.reserved,
      remaining: limit.remaining,
      source: limit.source,
      resetsAt: limit.resetsAtMs,
      exhaustsInSeconds: exhaustsIn(limit, nowMs),
    })),
  };
}

/** What is left of a deployment: the smallest part of any limit and of its concurrency; 0 when it takes nothing. */
export function leftRatio({ state, breaker, inFlight, concurrencyLimit, limits }: DeploymentCapacity): number {
  if (state !== 'enabled' || breaker === 'open') return 0;
  const shares = limits.flatMap(({ limit, remaining }) =>
    limit === null || remaining === null || limit <= 0 ? [] : [remaining / limit],
  );
  return Math.max(0, Math.min(1, 1 - inFlight / Math.max(1, concurrencyLimit), ...shares));
}
