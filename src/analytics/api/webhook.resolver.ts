import { Args, Context, ID, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { z } from 'zod';

import { decodeCursor, encodeCursor, parseInput } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import {
  DeliveriesService,
  newWebhookInput,
  rotateWebhookInput,
  webhookPatchInput,
  WebhooksService,
} from '../../webhooks/index.js';
import { RemovedModel, RemovedResult } from './quota.model.js';
import { orProblem, plainInput, requestIdOf } from './settle-problem.js';
import { FIRST, resultOf, type ProblemModel } from './shared.model.js';
import { pageSize } from './usage.resolver.js';
import {
  CreateWebhookInput,
  RotateWebhookInput,
  toWebhookDeliveryModel,
  toWebhookModel,
  UpdateWebhookInput,
  WebhookConnectionModel,
  WebhookDeliveryConnectionModel,
  WebhookDeliveryFilterInput,
  WebhookDeliveryModel,
  WebhookModel,
} from './webhook.model.js';

type GraphqlContext = Parameters<typeof requestIdOf>[0];

const WebhookResult = resultOf('WebhookResult', WebhookModel);
const WebhookDeliveryResult = resultOf('WebhookDeliveryResult', WebhookDeliveryModel);
const uuid = z.uuid();
const deliveryState = z.enum(['pending', 'delivered', 'failed']).optional();

@Resolver()
export class WebhookResolver {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly deliveries: DeliveriesService,
  ) {}

  @RequirePermission('webhook:write', 'system:read')
  @Query(() => WebhookConnectionModel, { name: 'webhooks', description: 'Where notices are sent to, oldest first' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Args('first', FIRST) first: number,
    @Args('after', { type: () => String, nullable: true }) after?: string,
  ): Promise<WebhookConnectionModel> {
    const limit = pageSize(first);
    const found = await this.webhooks.list(principal, { after: decodeCursor(after), limit });
    const edges = found.slice(0, limit).map((view) => ({
      cursor: encodeCursor({ key: String(view.endpoint.createdAtMs), id: view.endpoint.id }),
      node: toWebhookModel(view),
    }));
    return { edges, pageInfo: { hasNextPage: found.length > limit, endCursor: edges.at(-1)?.cursor ?? null } };
  }

  @RequirePermission('webhook:write')
  @Query(() => WebhookDeliveryConnectionModel, { description: 'What was sent to an endpoint, newest first' })
  async webhookDeliveries(
    @CurrentPrincipal() principal: Principal,
    @Args('filter', { type: () => WebhookDeliveryFilterInput }) { webhook, state }: WebhookDeliveryFilterInput,
    @Args('first', FIRST) first: number,
    @Args('after', { type: () => String, nullable: true }) after?: string,
  ): Promise<WebhookDeliveryConnectionModel> {
    const limit = pageSize(first);
    const filter = { endpointId: parseInput(uuid, webhook), state: parseInput(deliveryState, state ?? undefined) };
    const found = await this.deliveries.list(principal, filter, { after: decodeCursor(after, filter), limit });
    const edges = found.slice(0, limit).map((view) => ({
      cursor: encodeCursor({ key: String(view.delivery.createdAtMs), id: view.delivery.id }, filter),
      node: toWebhookDeliveryModel(view),
    }));
    return { edges, pageInfo: { hasNextPage: found.length > limit, endCursor: edges.at(-1)?.cursor ?? null } };
  }

  @RequirePermission('webhook:write')
  @Mutation(() => WebhookResult)
  createWebhook(
    @CurrentPrincipal() principal: Principal,
    @Args('input', { type: () => CreateWebhookInput }) input: CreateWebhookInput,
    @Context() context: GraphqlContext,
  ): Promise<WebhookModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () =>
      toWebhookModel(await this.webhooks.create(principal, parseInput(newWebhookInput, plainInput(input)))),
    );
  }

  @RequirePermission('webhook:write')
  @Mutation(() => WebhookResult)
  updateWebhook(
    @CurrentPrincipal() principal: Principal,
    @Args('input', { type: () => UpdateWebhookInput }) input: UpdateWebhookInput,
    @Context() context: GraphqlContext,
  ): Promise<WebhookModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () => {
      const { id, version, ...patch } = input;
      const target = { id: parseInput(uuid, id), version };
      return toWebhookModel(
        await this.webhooks.update(principal, target, parseInput(webhookPatchInput, plainInput(patch))),
      );
    });
  }

  @RequirePermission('webhook:write')
  @Mutation(() => WebhookResult)
  rotateWebhook(
    @CurrentPrincipal() principal: Principal,
    @Args('input', { type: () => RotateWebhookInput }) input: RotateWebhookInput,
    @Context() context: GraphqlContext,
  ): Promise<WebhookModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () => {
      const { id, version, ...wish } = input;
      const target = { id: parseInput(uuid, id), version };
      return toWebhookModel(
        await this.webhooks.rotate(principal, target, parseInput(rotateWebhookInput, plainInput(wish))),
      );
    });
  }

  @RequirePermission('webhook:write')
  @Mutation(() => RemovedResult)
  removeWebhook(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => ID }) id: string,
    @Args('version', { type: () => Int }) version: number,
    @Context() context: GraphqlContext,
  ): Promise<RemovedModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () => {
      await this.webhooks.remove(principal, { id: parseInput(uuid, id), version });
      return Object.assign(new RemovedModel(), { id });
    });
  }

  @RequirePermission('webhook:write')
  @Mutation(() => WebhookDeliveryResult, { description: 'Sends a webhook.test to this endpoint' })
  testWebhook(
    @CurrentPrincipal() principal: Principal,
    @Args('id', { type: () => ID }) id: string,
    @Context() context: GraphqlContext,
  ): Promise<WebhookDeliveryModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () =>
      toWebhookDeliveryModel(await this.deliveries.test(principal, parseInput(uuid, id))),
    );
  }

  @RequirePermission('webhook:write')
  @Mutation(() => WebhookDeliveryResult, { description: 'Sends a message again, with the same webhook-id' })
  replayWebhookDelivery(
    @CurrentPrincipal() principal: Principal,
    @Args('webhook', { type: () => ID }) webhook: string,
    @Args('id', { type: () => ID }) id: string,
    @Context() context: GraphqlContext,
  ): Promise<WebhookDeliveryModel | ProblemModel> {
    return orProblem(requestIdOf(context), async () =>
      toWebhookDeliveryModel(await this.deliveries.replay(principal, parseInput(uuid, webhook), parseInput(uuid, id))),
    );
  }
}
