import { Field, Float, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';

import type {
  Override,
  OverrideState,
  QuotaMetric,
  QuotaPolicy,
  QuotaReading,
  SubjectType,
} from '../../quotas/index.js';
import { METRICS, stateAt, SUBJECT_TYPES } from '../../quotas/index.js';
import { resultOf } from './shared.model.js';
import { BigCount, Instant } from './scalars.js';

export const QuotaMetricEnum = Object.fromEntries(METRICS.map((name) => [name, name])) as Record<
  QuotaMetric,
  QuotaMetric
>;
export const SubjectTypeEnum = Object.fromEntries(SUBJECT_TYPES.map((name) => [name, name])) as Record<
  SubjectType,
  SubjectType
>;
registerEnumType(QuotaMetricEnum, { name: 'QuotaMetric' });
registerEnumType(SubjectTypeEnum, { name: 'SubjectType' });

/** Whom a limit is set on. */
@ObjectType('Subject')
export class SubjectModel {
  @Field(() => SubjectTypeEnum)
  type!: SubjectType;

  @Field(() => String, { nullable: true, description: 'Null: each subject of the type, apart' })
  id!: string | null;
}

@InputType('SubjectInput')
export class SubjectInput {
  @Field(() => SubjectTypeEnum)
  type!: SubjectType;

  @Field(() => String, { nullable: true })
  id?: string | null;
}

/** A limit on callers. */
@ObjectType('Quota')
export class QuotaModel {
  @Field(() => String)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => SubjectModel)
  subject!: SubjectModel;

  @Field(() => QuotaMetricEnum)
  metric!: QuotaMetric;

  @Field(() => BigCount)
  limit!: bigint;

  @Field(() => Int, { nullable: true, description: 'Null for CONCURRENCY' })
  windowSeconds!: number | null;

  @Field(() => BigCount)
  burst!: bigint;

  @Field(() => [String], { nullable: true, description: 'Null: every model' })
  models!: readonly string[] | null;

  @Field(() => Int)
  version!: number;
}

@InputType('SetQuotaInput')
export class SetQuotaInput {
  @Field(() => String)
  name!: string;

  @Field(() => SubjectInput)
  subject!: SubjectInput;

  @Field(() => QuotaMetricEnum)
  metric!: QuotaMetric;

  @Field(() => Float)
  limit!: number;

  @Field(() => Int, { nullable: true })
  windowSeconds?: number;

  @Field(() => Float, { nullable: true })
  burst?: number;

  @Field(() => [String], { nullable: true })
  models?: string[];
}

/** Where a limit stands for the asked subject. */
@ObjectType('RateLimit')
export class RateLimitModel {
  @Field(() => String)
  policy!: string;

  @Field(() => String)
  unit!: string;

  @Field(() => BigCount)
  limit!: number;

  @Field(() => BigCount)
  used!: number;

  @Field(() => BigCount)
  reserved!: number;

  @Field(() => BigCount)
  remaining!: number;

  @Field(() => Instant)
  resetsAt!: number;
}

/** A temporary permission to go past quotas. */
@ObjectType('Override')
export class OverrideModel {
  @Field(() => String)
  id!: string;

  @Field(() => SubjectModel)
  subject!: SubjectModel;

  @Field(() => String)
  state!: OverrideState;

  @Field(() => String)
  reason!: string;

  @Field(() => String)
  incidentRef!: string;

  @Field(() => Instant)
  expiresAt!: number;

  @Field(() => String)
  requestedBy!: string;

  @Field(() => String, { nullable: true })
  approvedBy!: string | null;

  @Field(() => Int)
  version!: number;
}

/** What an override adds per window of each matching quota. */
@InputType('OverrideLimitsInput')
export class OverrideLimitsInput {
  @Field(() => Float, { defaultValue: 0 })
  requests!: number;

  @Field(() => Float, { defaultValue: 0 })
  tokens!: number;

  @Field(() => Int, { defaultValue: 0 })
  concurrency!: number;
}

@InputType('OverrideInput')
export class OverrideInput {
  @Field(() => SubjectInput)
  subject!: SubjectInput;

  @Field(() => OverrideLimitsInput)
  limits!: OverrideLimitsInput;

  @Field(() => String, { description: 'At least 20 characters' })
  reason!: string;

  @Field(() => String)
  incidentRef!: string;

  @Field(() => Instant, { description: 'At most 8 hours ahead' })
  expiresAt!: number;
}

/** What was removed. */
@ObjectType('Removed')
export class RemovedModel {
  @Field(() => String)
  id!: string;
}

export const QuotaResult = resultOf('QuotaResult', QuotaModel);
export const OverrideResult = resultOf('OverrideResult', OverrideModel);
export const RemovedResult = resultOf('RemovedResult', RemovedModel);

export function toQuotaModel(policy: QuotaPolicy): QuotaModel {
  return Object.assign(new QuotaModel(), {
    ...policy,
    limit: BigInt(policy.limit),
    burst: BigInt(policy.burst),
    windowSeconds: policy.metric === 'CONCURRENCY' ? null : policy.windowSeconds,
  });
}

export function toRateLimitModel({ policy, ...reading }: QuotaReading): RateLimitModel {
  return { ...reading, policy: policy.name, unit: policy.metric, resetsAt: reading.resetsAtMs };
}

export function toOverrideModel(override: Override, atMs: number): OverrideModel {
  return Object.assign(new OverrideModel(), {
    ...override,
    state: stateAt(override, atMs),
    expiresAt: override.expiresAtMs,
  });
}
