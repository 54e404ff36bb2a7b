import { Field, Float, Int, ObjectType } from '@nestjs/graphql';

import type { CapacityLane, CapacityLimit, DeploymentCapacity } from '../../routing/index.js';
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

  @Field(() => Int, { description: 'Length of the window in seconds' })
  windowSeconds!: number;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the credential whose limit it is; null: the deployment',
  })
  credential!: string | null;

  @Field(() => Instant, { nullable: true })
  resetsAt!: number | null;

  @Field(() => Int, { nullable: true, description: 'At the present rate of use; null when it lasts until the reset' })
  exhaustsInSeconds!: number | null;
}

/** One way to a deployment: with one credential, or with none. */
@ObjectType('CapacityLane')
export class CapacityLaneModel {
  @Field(() => String, { nullable: true, description: 'Name of the credential; null: none is needed' })
  credential!: string | null;

  @Field(() => String)
  breaker!: string;

  @Field(() => Instant, { nullable: true, description: 'When an open breaker lets the next trial through' })
  breakerUntil!: number | null;

  @Field(() => Int)
  inFlight!: number;

  @Field(() => Int)
  concurrencyLimit!: number;

  @Field(() => Boolean, { description: 'False while the partner refuses the credential' })
  usable!: boolean;
}

/** Times to first token of the last five minutes, milliseconds. */
@ObjectType('TtftQuantiles')
export class TtftQuantilesModel {
  @Field(() => Float, { nullable: true })
  p50!: number | null;

  @Field(() => Float, { nullable: true })
  p95!: number | null;

  @Field(() => Float, { nullable: true })
  p99!: number | null;
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

  @Field(() => [CapacityLaneModel])
  lanes!: readonly CapacityLaneModel[];

  @Field(() => TtftQuantilesModel)
  ttftMs!: TtftQuantilesModel;

  @Field(() => Float, {
    nullable: true,
    description: 'Smoothed share of attempts that the partner did not fail; 0 to 1',
  })
  successRatio!: number | null;

  @Field(() => Float, { nullable: true })
  tokensPerSecond!: number | null;
}

/** Calls of one class that wait. */
@ObjectType('ClassDepth')
export class ClassDepthModel {
  @Field(() => String)
  criticality!: string;

  @Field(() => Int)
  waiting!: number;
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

  @Field(() => Boolean, { description: 'Calls wait for a partner, or were shed in the last ten seconds' })
  surge!: boolean;

  @Field(() => [ClassDepthModel], { description: 'Calls that wait for a partner' })
  queueDepth!: readonly ClassDepthModel[];

  @Field(() => [String], { description: 'Classes from which calls were shed in the last ten seconds' })
  shedding!: readonly string[];

  @Field(() => [String], { description: 'What works with less than it could: "redis"' })
  degraded!: readonly string[];

  @Field(() => [CapacityModel])
  capacity!: readonly CapacityModel[];
}

/** Name of a credential by its id. */
export type CredentialNames = (id: string) => string | null;

/** A deployment's capacity as REST and GraphQL show it. */
export function toCapacityModel(capacity: DeploymentCapacity, nameOf: CredentialNames): CapacityModel {
  const { deployment, state, breaker, health, inFlight, concurrencyLimit, limits, lanes } = capacity;
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
    limits: limits.map((limit) => toLimitModel(limit, nameOf)),
    lanes: lanes.map((lane) => toLaneModel(lane, nameOf)),
    ttftMs: capacity.ttft,
    successRatio: capacity.successRatio,
    tokensPerSecond: capacity.tokensPerSecond,
  };
}

function toLimitModel(limit: CapacityLimit, nameOf: CredentialNames): UpstreamLimitModel {
  const { unit, reserved, used, remaining, source, windowMs, credentialId, resetsAtMs, exhaustsInMs } = limit;
  return {
    unit,
    limit: limit.limit,
    used: used === null ? null : Math.round(used),
    reserved: Math.round(reserved),
    remaining: remaining === null ? null : Math.floor(remaining),
    source,
    windowSeconds: Math.round(windowMs / MS_PER_SECOND),
    credential: credentialId === null ? null : nameOf(credentialId),
    resetsAt: resetsAtMs === null ? null : Math.round(resetsAtMs),
    exhaustsInSeconds: exhaustsInMs === null ? null : Math.floor(exhaustsInMs / MS_PER_SECOND),
  };
}

function toLaneModel(lane: CapacityLane, nameOf: CredentialNames): CapacityLaneModel {
  const { credentialId, breaker, breakerUntilMs, inFlight, concurrencyLimit, isUsable } = lane;
  return {
    credential: credentialId === null ? null : nameOf(credentialId),
    breaker,
    breakerUntil: breakerUntilMs === null ? null : Math.round(breakerUntilMs),
    inFlight,
    concurrencyLimit,
    usable: isUsable,
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
