import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import type { RoutePolicy } from '../domain/route-policy.js';
import { ExplainService } from '../explain.service.js';
import { RoutingPoliciesService } from '../routing-policies.service.js';
import {
  createRoutePolicyInput,
  explainInput,
  routePolicyListQuery,
  type CreateRoutePolicyInput,
  type ExplainInput,
  type RoutePolicyListQuery,
} from './routing.input.js';

/** A version of the policy as REST shows it. */
export type RoutePolicyModel = Omit<RoutePolicy, 'orgId' | 'createdAtMs'> & { readonly createdAt: string };

function toModel({ orgId: _orgId, createdAtMs, ...policy }: RoutePolicy): RoutePolicyModel {
  return { ...policy, createdAt: formatInstant(createdAtMs) };
}

@ApiTags('routing')
@Controller('api/routing')
export class RoutingController {
  constructor(
    private readonly policies: RoutingPoliciesService,
    private readonly explainer: ExplainService,
  ) {}

  @Get('policies')
  @RequirePermission('system:read', 'policy:write')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: routePolicyListQuery }) query: RoutePolicyListQuery,
  ): Promise<Page<RoutePolicyModel>> {
    const rows = await this.policies.findPolicies(principal, { after: decodeCursor(query.cursor), limit: query.limit });
    const keyset = ({ version, id }: RoutePolicy): { key: string; id: string } => ({ key: String(version), id });
    return toPage(rows, { limit: query.limit, keyset, map: toModel });
  }

  @Post('policies')
  @RequirePermission('policy:write')
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: createRoutePolicyInput }) input: CreateRoutePolicyInput,
  ): Promise<RoutePolicyModel> {
    return toModel(await this.policies.createPolicy(principal, input));
  }

  @Post('policies/:id/activate')
  @HttpCode(200)
  @RequirePermission('policy:write')
  async activate(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<RoutePolicyModel> {
    return toModel(await this.policies.activatePolicy(principal, id));
  }

  /** A dry run: the record that the request would leave. Nothing is sent, held or written. */
  @Post('explain')
  @HttpCode(200)
  @RequirePermission('usage:read')
  explain(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: explainInput }) input: ExplainInput,
  ): Record<string, unknown> {
    return this.explainer.explain(principal, input);
  }
}
