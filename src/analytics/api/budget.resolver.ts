import {
  Args,
  Context,
  Field,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { z } from 'zod';

import {
  BudgetAdminService,
  budgetPatchInput,
  formatUnits,
  newBudgetInput,
  type BudgetView,
  type WindowStateName,
} from '../../budgets/index.js';
import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, encodeCursor, parseInput } from '../../platform/http/index.js';
import type { StoredEvent } from '../../platform/outbox/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { EventFeed } from '../event-feed.js';
import { DecimalText, Instant, JsonValueType } from './scalars.js';
import { orProblem, plainInput, requestIdOf } from './settle-problem.js';
import { PageInfoModel, resultOf, type ProblemModel } from './shared.model.js';
import { pageSize } from './usage.resolver.js';

type GraphqlContext = Parameters<typeof requestIdOf>[0];

export const BudgetState: Record<WindowStateName, WindowStateName> = {
  OK: 'OK',
  WARNING: 'WARNING',
  CRITICAL: 'CRITICAL',
  EXHAUSTED: 'EXHAUSTED',
};
registerEnumType(BudgetState, { name: 'BudgetState' });

/** What a budget stands over. */
@ObjectType('BudgetScope')
export class BudgetScopeModel {
  @Field(() => String)
  type!: string;

  @Field(() => String)
  id!: string;
}

/** A threshold of a window: an edge and whether it is passed. */
@ObjectType('BudgetThreshold')
export class BudgetThresholdModel {
  @Field(() => DecimalText, { description: 'Percent of the limit, or an amount' })
  at!: string;

  @Field(() => String)
  unit!: string;

  @Field(() => String)
  basis!: string;

  @Field(() => String)
  level!: string;

  @Field(() => Boolean)
  firing!: boolean;

  @Field(() => Instant, { nullable: true })
  since!: number | null;
}

/** A limit's present window. COST with 12 decimals, counts whole. */
@ObjectType('BudgetWindow')
export class BudgetWindowModel {
  @Field(() => String)
  id!: string;

  @Field(() => String, { nullable: true, description: 'Whose balance, for budgets with one for each' })
  subject!: string | null;

  @Field(() => String)
  period!: string;

  @Field(() => Instant)
  startsAt!: number;

  @Field(() => Instant)
  endsAt!: number;

  @Field(() => DecimalText, { description: 'What may be used, with what overrides and the window before added' })
  limit!: string;

  @Field(() => DecimalText, { description: 'What overrides and the window before added' })
  extra!: string;

  @Field(() => DecimalText)
  posted!: string;

  @Field(() => DecimalText)
  held!: string;

  @Field(() => DecimalText)
  available!: string;

  @Field(() => BudgetState)
  state!: WindowStateName;

  @Field(() => [BudgetThresholdModel])
  thresholds!: readonly BudgetThresholdModel[];
}

/** A budget with its present windows. */
@ObjectType('Budget')
export class BudgetModel {
  @Field(() => String)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => BudgetScopeModel)
  scope!: BudgetScopeModel;

  @Field(() => String)
  metric!: string;

  @Field(() => String)
  currency!: string;

  @Field(() => String)
  enforcement!: string;

  @Field(() => String)
  onExhausted!: string;

  @Field(() => Int, { description: 'Share kept for critical calls, in 1/10000' })
  carveOutBp!: number;

  @Field(() => String)
  timeZone!: string;

  @Field(() => String)
  status!: string;

  @Field(() => Int)
  version!: number;

  @Field(() => [BudgetWindowModel])
  windows!: readonly BudgetWindowModel[];
}

@ObjectType('BudgetEdge')
export class BudgetEdgeModel {
  @Field(() => String)
  cursor!: string;

  @Field(() => BudgetModel)
  node!: BudgetModel;
}

@ObjectType('BudgetConnection')
export class BudgetConnectionModel {
  @Field(() => [BudgetEdgeModel])
  edges!: readonly BudgetEdgeModel[];

  @Field(() => PageInfoModel)
  pageInfo!: PageInfoModel;
}

/** A threshold that was passed, or a limit that was reached. */
@ObjectType('BudgetEvent')
export class BudgetEventModel {
  @Field(() => String)
  type!: string;

  @Field(() => Instant)
  at!: number;

  @Field(() => JsonValueType)
  data!: unknown;
}

@InputType('BudgetFilter')
export class BudgetFilterInput {
  @Field(() => [BudgetState], { nullable: true })
  state?: WindowStateName[];
}

@InputType('BudgetScopeInput')
export class BudgetScopeInput {
  @Field(() => String)
  type!: string;

  @Field(() => String)
  id!: string;
}

@InputType('BudgetLimitInput')
export class BudgetLimitInput {
  @Field(() => String, { description: 'DAY, WEEK, MONTH, QUARTER, YEAR, LIFETIME or CUSTOM' })
  period!: string;

  @Field(() => DecimalText)
  amount!: string;

  @Field(() => Boolean, { defaultValue: false, description: 'What a window leaves unused is added to the next, once' })
  rollover!: boolean;
}

@InputType('BudgetMatchInput')
export class BudgetMatchInput {
  @Field(() => [String], { nullable: true, description: 'Provider ids' })
  providers?: string[];

  @Field(() => [String], { nullable: true, description: 'Public model names' })
  models?: string[];

  @Field(() => [String], { nullable: true })
  criticalities?: string[];
}

@InputType('CreateBudgetInput')
export class CreateBudgetInput {
  @Field(() => String)
  name!: string;

  @Field(() => BudgetScopeInput)
  scope!: BudgetScopeInput;

  @Field(() => String, { nullable: true })
  each?: string;

  @Field(() => String, { defaultValue: 'COST' })
  metric!: string;

  @Field(() => String, { defaultValue: 'USD' })
  currency!: string;

  @Field(() => BudgetMatchInput, { nullable: true, description: 'Narrows the budget to some calls of its scope' })
  match?: BudgetMatchInput;

  @Field(() => String, { defaultValue: 'HARD', description: 'HARD refuses, SOFT admits and marks, MONITOR counts' })
  enforcement!: string;

  @Field(() => String, { defaultValue: 'BLOCK', description: 'BLOCK, DOWNGRADE or APPROVAL' })
  onExhausted!: string;

  @Field(() => Int, { defaultValue: 0, description: 'Share kept for critical calls, in 1/10000' })
  carveOutBp!: number;

  @Field(() => String, { defaultValue: 'UTC' })
  timeZone!: string;

  @Field(() => [BudgetLimitInput])
  limits!: BudgetLimitInput[];
}

@InputType('LimitAmountInput')
export class LimitAmountInput {
  @Field(() => String)
  id!: string;

  @Field(() => DecimalText)
  amount!: string;
}

@InputType('UpdateBudgetInput')
export class UpdateBudgetInput {
  @Field(() => String)
  id!: string;

  @Field(() => Int, { description: 'The version the change is based on' })
  version!: number;

  @Field(() => String, { nullable: true })
  name?: string;

  @Field(() => String, { nullable: true })
  enforcement?: string;

  @Field(() => String, { nullable: true })
  onExhausted?: string;

  @Field(() => Int, { nullable: true })
  carveOutBp?: number;

  @Field(() => [LimitAmountInput], { nullable: true })
  limits?: LimitAmountInput[];
}

const BudgetResult = resultOf('BudgetResult', BudgetModel);

function toModel({ budget, windows }: BudgetView): BudgetModel {
  const { metric } = budget;
  return Object.assign(new BudgetModel(), {
    id: budget.id,
    name: budget.name,
    scope: budget.scope,
    metric,
    currency: budget.currency,
    enforcement: budget.enforcement,
    onExhausted: budget.onExhausted,
    carveOutBp: budget.carveOutBp,
    timeZone: budget.timeZone,
    status: budget.state,
    version: budget.version,
    windows: windows.map((window) => ({
      id: window.id,
      subject: window.subject,
      period: window.period,
      startsAt: window.startsAtMs,
      endsAt: window.endsAtMs,
      limit: formatUnits(metric, window.limit),
      extra: formatUnits(metric, window.extra),
      posted: formatUnits(metric, window.posted),
      held: formatUnits(metric, window.held),
      available: formatUnits(metric, window.available),
      state: window.state,
      thresholds: window.thresholds.map(({ sinceMs, ...threshold }) => ({ ...threshold, since: sinceMs })),
    })),
  });
}

@Resolver()
export class BudgetResolver {
  constructor(
    private readonly admin: BudgetAdminService,
    private readonly events: EventFeed,
  ) {}

  @RequirePermission('budget:read', 'budget:write')
  @Query(() => BudgetConnectionModel, { description: 'Budgets with their present windows, oldest first' })
  async budgets(
    @CurrentPrincipal() principal: Principal,
    @Args('filter', { type: () => BudgetFilterInput, nullable: true }) filter: BudgetFilterInput | undefined,
    @Args('first', { type: () => Int, defaultValue: 50 }) first: number,
    @Args('after', { type: () => String, nullable: true }) after?: string,
  ): Promise<BudgetConnectionModel> {
    const limit = pageSize(first);
    const found = await this.admin.findBudgets(principal, { after: decodeCursor(after), limit, states: filter?.state });
    const edges = found.slice(0, limit).map((view) => ({
      cursor: encodeCursor({ key: formatInstant(view.budget.createdAtMs), id: view.budget.id }),
      node: toModel(view),
    }));
    return { edges, pageInfo: { hasNextPage: found.length > limit, endCursor: edges.at(-1)?.cursor ?? null } };
  }

  @RequirePermission('budget:read', 'budget:write')
  @Query(() => BudgetModel, { description: 'One budget' })
  async budget(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => String }) id: string,
  ): Promise<BudgetModel> {
    return toModel(await this.admin.findBudget(principal, parseInput(z.uuid(), id)));
  }

  @RequirePermission('budget:write')
  @Mutation(() => BudgetResult)
  createBudget(
    @CurrentPrincipal() principal: Principal,
    @Args('input', { type: () => CreateBudgetInput }) input: CreateBudgetInput,
    @Context() context: GraphqlContext,
  ): Promise<BudgetModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () =>
      toModel(await this.admin.createBudget(principal, parseInput(newBudgetInput, plainInput(input)))),
    );
  }

  @RequirePermission('budget:write')
  @Mutation(() => BudgetResult)
  updateBudget(
    @CurrentPrincipal() principal: Principal,
    @Args('input', { type: () => UpdateBudgetInput }) input: UpdateBudgetInput,
    @Context() context: GraphqlContext,
  ): Promise<BudgetModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () => {
      const { id, version, ...patch } = input;
      const target = { id: parseInput(z.uuid(), id), version };
      return toModel(await this.admin.updateBudget(principal, target, parseInput(budgetPatchInput, plainInput(patch))));
    });
  }

  @RequirePermission('budget:write')
  @Mutation(() => BudgetResult)
  archiveBudget(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => String }) id: string,
    @Args('version', { type: () => Int }) version: number,
    @Context() context: GraphqlContext,
  ): Promise<BudgetModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () =>
      toModel(await this.admin.archiveBudget(principal, { id: parseInput(z.uuid(), id), version })),
    );
  }

  @RequirePermission('budget:read', 'budget:write')
  @Subscription(() => BudgetEventModel, {
    description: 'Thresholds passed and limits reached from now on',
    resolve: ({ type, atMs, data }: StoredEvent): BudgetEventModel => ({ type, at: atMs, data }),
  })
  budgetEvents(@CurrentPrincipal() principal: Principal): AsyncGenerator<StoredEvent, void, undefined> {
    return this.events.watch(principal.orgId, 'budget.');
  }
}
