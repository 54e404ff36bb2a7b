import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Clock } from '../../platform/clock/index.js';
import { decodeCursor, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { OverridesService } from '../overrides.service.js';
import {
  quotaListQuery,
  requestOverrideInput,
  type QuotaListQuery,
  type RequestOverrideInput,
} from '../quota-input.js';
import { toOverrideModel, type OverrideModel } from './quota.model.js';

@ApiTags('overrides')
@Controller('api/overrides')
export class OverridesController {
  constructor(
    private readonly overrides: OverridesService,
    private readonly clock: Clock,
  ) {}

  @Get()
  @RequirePermission('override:request', 'override:approve', 'usage:read:all')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: quotaListQuery }) query: QuotaListQuery,
  ): Promise<Page<OverrideModel>> {
    const nowMs = this.clock.nowMs();
    const rows = await this.overrides.findOverrides(principal, {
      after: decodeCursor(query.cursor),
      limit: query.limit,
    });
    return toPage(rows, {
      limit: query.limit,
      keyset: ({ id }) => ({ key: id, id }),
      map: (override) => toOverrideModel(override, nowMs),
    });
  }

  @Post()
  @RequirePermission('override:request', 'override:approve')
  async request(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: requestOverrideInput }) { expiresAt, ...input }: RequestOverrideInput,
  ): Promise<OverrideModel> {
    const override = await this.overrides.requestOverride(principal, { ...input, expiresAtMs: Date.parse(expiresAt) });
    return this.#show(override);
  }

  @Post(':id/approve')
  @HttpCode(200)
  @RequirePermission('override:approve')
  async approve(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<OverrideModel> {
    return this.#show(await this.overrides.approveOverride(principal, id));
  }

  @Post(':id/deny')
  @HttpCode(200)
  @RequirePermission('override:approve')
  async deny(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<OverrideModel> {
    return this.#show(await this.overrides.denyOverride(principal, id));
  }

  @Post(':id/revoke')
  @HttpCode(200)
  @RequirePermission('override:approve')
  async revoke(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<OverrideModel> {
    return this.#show(await this.overrides.revokeOverride(principal, id));
  }

  #show(override: Parameters<typeof toOverrideModel>[0]): OverrideModel {
    return toOverrideModel(override, this.clock.nowMs());
  }
}
