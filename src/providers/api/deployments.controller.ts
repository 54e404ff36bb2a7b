import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { decodeCursor, toPage, versionOf, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { DeploymentAdminService } from '../deployment-admin.service.js';
import type { Target } from '../provider-admin.service.js';
import {
  deploymentPatchInput,
  deploymentQuery,
  newDeploymentInput,
  removeQuery,
  type DeploymentPatch,
  type NewDeployment,
} from '../provider-input.js';
import { ProvidersService } from '../providers.service.js';
import { toDeploymentModel, type DeploymentModel } from './provider.model.js';
import { idOf } from './providers.controller.js';

function targetOf(id: string, ifMatch: string | undefined): Target {
  return { id: idOf(id, 'deployment'), version: versionOf(ifMatch) };
}

@ApiTags('providers')
@ApiBearerAuth()
@Controller('api')
export class DeploymentsController {
  constructor(
    private readonly admin: DeploymentAdminService,
    private readonly providers: ProvidersService,
    private readonly snapshots: ConfigSnapshots,
  ) {}

  @Get('models')
  @RequirePermission('system:read', 'provider:write')
  @ApiOperation({ summary: 'Public model names and who serves them' })
  models(): { readonly data: readonly { readonly model: string; readonly providers: readonly string[] }[] } {
    const directory = this.snapshots.current().get(this.providers.part);
    const data = directory.models().map((model) => ({
      model,
      providers: [...new Set(directory.byModel(model).map(({ providerName }) => providerName))],
    }));
    return { data };
  }

  @Get('deployments')
  @RequirePermission('system:read', 'provider:write')
  @ApiOperation({ summary: 'Deployments by model' })
  async list(
    @Query({ schema: deploymentQuery }) query: z.output<typeof deploymentQuery>,
  ): Promise<Page<DeploymentModel>> {
    const filter = { providerId: query.providerId ?? null, model: query.model ?? null };
    const rows = await this.admin.find(filter, { after: decodeCursor(query.cursor, filter), limit: query.limit });
    return toPage(rows, {
      limit: query.limit,
      filter,
      keyset: ({ model, id }) => ({ key: model, id }),
      map: toDeploymentModel,
    });
  }

  @Post('deployments')
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Add a deployment' })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newDeploymentInput }) input: NewDeployment,
  ): Promise<DeploymentModel> {
    return toDeploymentModel(await this.admin.create(principal, input));
  }

  @Get('deployments/:id')
  @RequirePermission('system:read', 'provider:write')
  @ApiOperation({ summary: 'One deployment' })
  async find(@Param('id') id: string): Promise<DeploymentModel> {
    return toDeploymentModel(await this.admin.findOne(idOf(id, 'deployment')));
  }

  @Patch('deployments/:id')
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Change a deployment' })
  async update(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: deploymentPatchInput }) patch: DeploymentPatch,
  ): Promise<DeploymentModel> {
    return toDeploymentModel(await this.admin.update(principal, targetOf(id, ifMatch), patch));
  }

  @Post('deployments/:id/drain')
  @HttpCode(200)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'No new attempts; running ones end' })
  async drain(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<DeploymentModel> {
    return toDeploymentModel(await this.admin.setState(principal, targetOf(id, ifMatch), 'draining'));
  }

  @Post('deployments/:id/resume')
  @HttpCode(200)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Back in service' })
  async resume(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<DeploymentModel> {
    return toDeploymentModel(await this.admin.setState(principal, targetOf(id, ifMatch), 'enabled'));
  }

  @Delete('deployments/:id')
  @HttpCode(204)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Remove a deployment' })
  async remove(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Query({ schema: removeQuery }) query: z.output<typeof removeQuery>,
  ): Promise<void> {
    await this.admin.remove(principal, targetOf(id, ifMatch), query.force === '1');
  }
}
