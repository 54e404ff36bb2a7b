import { ArgsType, Field, Float, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';

import { DIMENSIONS, GRANULARITIES, type Dimension, type Granularity } from '../domain/usage-filter.js';
import type { UsagePoint } from '../domain/usage-totals.js';
import { MoneyModel, PageInfoModel, toMoneyModel } from './shared.model.js';
import { BigCount, Instant } from './scalars.js';

/** The names of a list as a GraphQL enum. */
function enumOf<Name extends string>(names: readonly Name[]): Record<Name, Name> {
  return Object.fromEntries(names.map((name) => [name, name])) as Record<Name, Name>;
}

export const UsageDimension = enumOf(DIMENSIONS);
export const UsageGranularity = enumOf(GRANULARITIES);
registerEnumType(UsageDimension, { name: 'UsageDimension', description: 'What usage can be grouped by' });
registerEnumType(UsageGranularity, { name: 'Granularity', description: 'Width of a point in time' });

/** Which usage a report is about. */
@InputType('UsageFilter')
export class UsageFilterInput {
  @Field(() => Instant, { description: 'Inclusive' })
  from!: number;

  @Field(() => Instant, { description: 'Exclusive' })
  to!: number;

  @Field(() => String, { defaultValue: 'UTC', description: 'IANA name; days begin at its midnight' })
  timeZone!: string;

  @Field(() => String, { nullable: true, description: 'ISO 4217; XTS when simulated, else the billing currency' })
  currency?: string;

  @Field(() => [String], { nullable: true })
  teams?: string[];

  @Field(() => [String], { nullable: true })
  users?: string[];

  @Field(() => [String], { nullable: true })
  investigations?: string[];

  @Field(() => [String], { nullable: true })
  operations?: string[];

  @Field(() => [String], { nullable: true })
  keys?: string[];

  @Field(() => [String], { nullable: true })
  providers?: string[];

  @Field(() => [String], { nullable: true })
  models?: string[];

  @Field(() => Boolean, { defaultValue: false, description: 'Include calls to simulated partners' })
  simulated!: boolean;
}

/** Arguments of `costAttribution`. */
@ArgsType()
export class CostArguments {
  @Field(() => UsageFilterInput)
  filter!: UsageFilterInput;

  @Field(() => [UsageDimension])
  by!: Dimension[];

  @Field(() => Int, { defaultValue: 100 })
  first!: number;

  @Field(() => String, { nullable: true })
  after?: string;
}

/** One group's name. */
@ObjectType('UsageKey')
export class UsageKeyModel {
  @Field(() => UsageDimension)
  dimension!: Dimension;

  @Field(() => String, { nullable: true })
  id!: string | null;

  @Field(() => String, { nullable: true })
  label!: string | null;
}

/** Disjoint counts of tokens. */
@ObjectType('TokenCounts')
export class TokenCountsModel {
  @Field(() => BigCount)
  input!: bigint;

  @Field(() => BigCount)
  cachedInput!: bigint;

  @Field(() => BigCount)
  cacheWrite!: bigint;

  @Field(() => BigCount)
  output!: bigint;

  @Field(() => BigCount)
  reasoning!: bigint;

  @Field(() => BigCount)
  total!: bigint;
}

/** Sums of one group. */
@ObjectType('UsageTotals')
export class UsageTotalsModel {
  @Field(() => BigCount)
  requests!: bigint;

  @Field(() => TokenCountsModel)
  tokens!: TokenCountsModel;

  @Field(() => MoneyModel)
  cost!: MoneyModel;

  @Field(() => MoneyModel, { description: 'The part of the cost that nobody confirmed' })
  unconfirmed!: MoneyModel;
}

/** One group at one point in time. */
@ObjectType('UsagePoint')
export class UsagePointModel {
  @Field(() => Instant, { nullable: true, description: 'Null for a total' })
  start!: number | null;

  @Field(() => [UsageKeyModel])
  key!: readonly UsageKeyModel[];

  @Field(() => UsageTotalsModel)
  totals!: UsageTotalsModel;
}

/** Usage over time. */
@ObjectType('UsageReport')
export class UsageReportModel {
  @Field(() => Instant)
  asOf!: number;

  @Field(() => String)
  currency!: string;

  @Field(() => Boolean, { description: 'More than 10 000 points exist' })
  truncated!: boolean;

  @Field(() => [UsagePointModel])
  points!: readonly UsagePointModel[];
}

/** One group's share of a cost. */
@ObjectType('CostNode')
export class CostNodeModel {
  @Field(() => [UsageKeyModel])
  key!: readonly UsageKeyModel[];

  @Field(() => Float, { description: 'Part of the whole, 0 to 1; for display, never for billing' })
  share!: number;

  @Field(() => UsageTotalsModel)
  totals!: UsageTotalsModel;
}

@ObjectType('CostEdge')
export class CostEdgeModel {
  @Field(() => String)
  cursor!: string;

  @Field(() => CostNodeModel)
  node!: CostNodeModel;
}

@ObjectType('CostConnection')
export class CostConnectionModel {
  @Field(() => [CostEdgeModel])
  edges!: readonly CostEdgeModel[];

  @Field(() => PageInfoModel)
  pageInfo!: PageInfoModel;
}

export function toUsagePointModel({ startMs, key, totals }: UsagePoint): UsagePointModel {
  const { tokens } = totals;
  const total = tokens.input + tokens.cachedInput + tokens.cacheWrite + tokens.output + tokens.reasoning;
  return {
    start: startMs,
    key,
    totals: {
      requests: totals.requests,
      tokens: { ...tokens, total },
      cost: toMoneyModel(totals.cost),
      unconfirmed: toMoneyModel(totals.unconfirmed),
    },
  };
}

const SHARE_SCALE = 1_000_000n;

/** A group's share of `whole`, six decimals; 0 when nothing was charged. */
export function shareOf(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * SHARE_SCALE) / whole) / Number(SHARE_SCALE);
}

export type { Granularity };
