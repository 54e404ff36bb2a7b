import { createUnionType, Field, Int, ObjectType } from '@nestjs/graphql';

import type { AppError } from '../../platform/errors/index.js';
import { formatAmount, type Money } from '../../platform/money/index.js';
import { DecimalText } from './scalars.js';

/** An amount of one currency. */
@ObjectType('Money')
export class MoneyModel {
  @Field(() => DecimalText)
  amount!: string;

  @Field(() => String)
  currency!: string;
}

export function toMoneyModel({ amount, currency }: Money): MoneyModel {
  return { amount: formatAmount(amount), currency };
}

/** A broken rule of an input. */
@ObjectType('Violation')
export class ViolationModel {
  @Field(() => String)
  field!: string;

  @Field(() => String)
  rule!: string;

  @Field(() => String)
  message!: string;
}

/** A refusal that a caller must expect: data, not an exception. */
@ObjectType('Problem')
export class ProblemModel {
  @Field(() => String)
  code!: string;

  @Field(() => String)
  message!: string;

  @Field(() => String)
  requestId!: string;

  @Field(() => [ViolationModel])
  violations!: readonly ViolationModel[];
}

export function toProblem(error: AppError, requestId: string): ProblemModel {
  const problem = new ProblemModel();
  return Object.assign(problem, {
    code: error.code,
    message: error.message,
    requestId,
    violations: error.facts.violations ?? [],
  });
}

/** Where a page ends. */
@ObjectType('PageInfo')
export class PageInfoModel {
  @Field(() => Boolean)
  hasNextPage!: boolean;

  @Field(() => String, { nullable: true })
  endCursor!: string | null;
}

/** A union of a result and a refusal. */
export function resultOf(name: string, model: new () => object): ReturnType<typeof createUnionType> {
  return createUnionType({
    name,
    types: () => [model, ProblemModel] as const,
    resolveType: (value: object) => (value instanceof ProblemModel ? ProblemModel : model),
  });
}

/** How many rows a page has: 1…200. */
export const FIRST = { type: () => Int, defaultValue: 50 } as const;
