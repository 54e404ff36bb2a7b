import { Args, Field, ID, Int, ObjectType, Query, Resolver } from '@nestjs/graphql';

import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, encodeCursor } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import type { RequestFact } from '../persistence/request-report.repository.js';
import { RequestsService } from '../requests.service.js';
import { Instant } from './scalars.js';
import { MoneyModel, PageInfoModel } from './shared.model.js';
import { pageSize } from './usage.resolver.js';

/** One try at one deployment. */
@ObjectType('Attempt')
export class AttemptModel {
  @Field(() => Int)
  n!: number;

  @Field(() => String, { description: 'provider/model' })
  deployment!: string;

  @Field(() => String)
  provider!: string;

  @Field(() => String)
  model!: string;

  @Field(() => String)
  outcome!: string;

  @Field(() => Int, { nullable: true })
  status!: number | null;

  @Field(() => Int, { nullable: true })
  ttftMs!: number | null;

  @Field(() => Int)
  durationMs!: number;

  @Field(() => String)
  usageSource!: string;

  @Field(() => MoneyModel, { nullable: true })
  cost!: MoneyModel | null;
}

/** A candidate that did not serve. */
@ObjectType('Rejected')
export class RejectedModel {
  @Field(() => String, { description: 'provider/model' })
  deployment!: string;

  @Field(() => String)
  provider!: string;

  @Field(() => String)
  model!: string;

  @Field(() => String)
  reason!: string;
}

/** One finished request, explained. */
@ObjectType('Request')
export class RequestModel {
  @Field(() => String)
  id!: string;

  @Field(() => Instant)
  at!: number;

  @Field(() => String)
  outcome!: string;

  @Field(() => String)
  operation!: string;

  @Field(() => String)
  requestedModel!: string;

  @Field(() => String, { nullable: true })
  answeredModel!: string | null;

  @Field(() => String, { nullable: true })
  provider!: string | null;

  @Field(() => String)
  userId!: string;

  @Field(() => String, { nullable: true })
  investigationId!: string | null;

  @Field(() => [AttemptModel])
  attempts!: readonly AttemptModel[];

  @Field(() => [RejectedModel])
  rejected!: readonly RejectedModel[];

  @Field(() => MoneyModel, { nullable: true })
  reserved!: MoneyModel | null;

  @Field(() => MoneyModel, { nullable: true })
  cost!: MoneyModel | null;

  @Field(() => [String], { description: 'Receipts of the intent and the outcome: lane, position, SHA-256' })
  auditReceipt!: readonly string[];
}

@ObjectType('RequestEdge')
export class RequestEdgeModel {
  @Field(() => String)
  cursor!: string;

  @Field(() => RequestModel)
  node!: RequestModel;
}

@ObjectType('RequestConnection')
export class RequestConnectionModel {
  @Field(() => [RequestEdgeModel])
  edges!: readonly RequestEdgeModel[];

  @Field(() => PageInfoModel)
  pageInfo!: PageInfoModel;
}

/** The `aip` member as it was recorded. */
type Described = Partial<
  Pick<RequestModel, 'answeredModel' | 'provider' | 'reserved' | 'cost'> & {
    readonly attempts: readonly Omit<AttemptModel, 'deployment'>[];
    readonly rejected: readonly Omit<RejectedModel, 'deployment'>[];
  }
>;

/** Names the deployment of an attempt or a rejected candidate as people do. */
function withDeployment<T extends { readonly provider: string; readonly model: string }>(
  part: T,
): T & { readonly deployment: string } {
  return { ...part, deployment: `${part.provider}/${part.model}` };
}

function toModel(fact: RequestFact): RequestModel {
  const described = fact.aip as Described;
  return {
    id: fact.requestId,
    at: fact.atMs,
    outcome: fact.status,
    operation: fact.operation,
    requestedModel: fact.requestedModel,
    answeredModel: described.answeredModel ?? null,
    provider: described.provider ?? null,
    userId: fact.userId,
    investigationId: fact.investigationId,
    attempts: (described.attempts ?? []).map(withDeployment),
    rejected: (described.rejected ?? []).map(withDeployment),
    reserved: described.reserved ?? null,
    cost: described.cost ?? null,
    auditReceipt: fact.receipts,
  };
}

const ANY_USAGE = ['usage:read', 'usage:read:team', 'usage:read:all'] as const;

@Resolver()
export class RequestResolver {
  constructor(private readonly reports: RequestsService) {}

  @RequirePermission(...ANY_USAGE)
  @Query(() => RequestModel, { description: 'One finished request: attempts, rejected candidates, cost, receipts' })
  async request(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => ID }) id: string,
  ): Promise<RequestModel> {
    return toModel(await this.reports.find(principal, id));
  }

  @RequirePermission(...ANY_USAGE)
  @Query(() => RequestConnectionModel, { description: 'Finished requests, newest first' })
  async requests(
    @CurrentPrincipal() principal: Principal,
    @Args('first', { type: () => Int, defaultValue: 50 }) first: number,
    @Args('after', { type: () => String, nullable: true }) after?: string,
  ): Promise<RequestConnectionModel> {
    const limit = pageSize(first);
    const found = await this.reports.list(principal, { after: decodeCursor(after), limit });
    const edges = found.slice(0, limit).map((fact) => ({
      cursor: encodeCursor({ key: formatInstant(fact.atMs), id: fact.requestId }),
      node: toModel(fact),
    }));
    return { edges, pageInfo: { hasNextPage: found.length > limit, endCursor: edges.at(-1)?.cursor ?? null } };
  }
}
