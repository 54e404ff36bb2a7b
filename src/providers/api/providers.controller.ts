import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { AppError } from '../../platform/errors/index.js';
import { decodeCursor, pageQuery, toPage, versionOf, type Page } from '../../platform/http/index.js';
import { isUuid } from '../../platform/ids/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { CredentialAdmin } from '../credential-admin.js';
import { ProviderAdminService, type Target } from '../provider-admin.service.js';
import {
  newCredentialInput,
  newProviderInput,
  providerPatchInput,
  providerTestInput,
  removeQuery,
  rotateInput,
  type NewCredential,
  type NewProvider,
  type ProviderPatch,
} from '../provider-input.js';
import { ProvidersService, type ProviderFinding } from '../providers.service.js';
import {
  toCredentialModel,
  toProviderModel,
  toProviderViewModel,
  type CredentialModel,
  type ProviderModel,
  type ProviderViewModel,
} from './provider.model.js';

/** An id in a path. @throws AppError not_found — it is no id at all */
export function idOf(text: string, what: string): string {
  if (isUuid(text)) return text;
  throw new AppError('not_found', `There is no such ${what}.`);
}

function targetOf(id: string, ifMatch: string | undefined): Target {
  return { id: idOf(id, 'provider'), version: versionOf(ifMatch) };
}

@ApiTags('providers')
@ApiBearerAuth()
@Controller('api/providers')
export class ProvidersController {
  constructor(
    private readonly admin: ProviderAdminService,
    private readonly credentials: CredentialAdmin,
    private readonly providers: ProvidersService,
    private readonly snapshots: ConfigSnapshots,
  ) {}

  @Get()
  @RequirePermission('system:read', 'provider:write')
  @ApiOperation({ summary: 'Providers by name' })
  async list(@Query({ schema: pageQuery }) query: z.output<typeof pageQuery>): Promise<Page<ProviderModel>> {
    const rows = await this.admin.findProviders({ after: decodeCursor(query.cursor), limit: query.limit });
    return toPage(rows, { limit: query.limit, keyset: ({ name, id }) => ({ key: name, id }), map: toProviderModel });
  }

  @Post()
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Add a provider with its first credential and deployments; it serves the next request' })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newProviderInput }) input: NewProvider,
  ): Promise<ProviderViewModel> {
    return toProviderViewModel(await this.admin.createProvider(principal, input));
  }

  @Get(':id')
  @RequirePermission('system:read', 'provider:write')
  @ApiOperation({ summary: 'One provider with deployments and credentials; secrets are never shown' })
  async find(@Param('id') id: string): Promise<ProviderViewModel> {
    return toProviderViewModel(await this.admin.findProvider(idOf(id, 'provider')));
  }

  @Patch(':id')
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Change a provider; running attempts keep what they started with' })
  async update(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: providerPatchInput }) patch: ProviderPatch,
  ): Promise<ProviderViewModel> {
    return toProviderViewModel(await this.admin.updateProvider(principal, targetOf(id, ifMatch), patch));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Remove a provider and its deployments' })
  async remove(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Query({ schema: removeQuery }) query: z.output<typeof removeQuery>,
  ): Promise<void> {
    await this.admin.removeProvider(principal, targetOf(id, ifMatch), query.force === '1');
  }

  @Post(':id/drain')
  @HttpCode(200)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'No new attempts; running ones end' })
  async drain(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<ProviderViewModel> {
    return toProviderViewModel(await this.admin.setProviderState(principal, targetOf(id, ifMatch), 'draining'));
  }

  @Post(':id/resume')
  @HttpCode(200)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Back in service' })
  async resume(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<ProviderViewModel> {
    return toProviderViewModel(await this.admin.setProviderState(principal, targetOf(id, ifMatch), 'enabled'));
  }

  @Post(':id/test')
  @HttpCode(200)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Prove name, TLS, credential and models without cost' })
  async test(
    @Param('id') id: string,
    @Body({ schema: providerTestInput }) { models }: z.output<typeof providerTestInput>,
  ): Promise<{ readonly data: readonly ProviderFinding[] }> {
    const view = await this.admin.findProvider(idOf(id, 'provider'));
    const directory = this.snapshots.current().get(this.providers.part);
    return { data: await this.providers.probeProvider(view, directory, models) };
  }

  @Post(':id/credentials')
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Add a credential; the secret is never shown again' })
  async addCredential(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body({ schema: newCredentialInput }) input: NewCredential,
  ): Promise<CredentialModel> {
    return toCredentialModel(await this.credentials.create(principal, idOf(id, 'provider'), input));
  }

  @Post(':id/credentials/:credentialId/rotate')
  @HttpCode(200)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Replace a secret; the next attempt uses it' })
  async rotate(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('credentialId') credentialId: string,
    @Body({ schema: rotateInput }) input: z.output<typeof rotateInput>,
  ): Promise<CredentialModel> {
    const target = { providerId: idOf(id, 'provider'), id: idOf(credentialId, 'credential') };
    return toCredentialModel(await this.credentials.rotate(principal, target, input.secret));
  }

  @Post(':id/credentials/:credentialId/revoke')
  @HttpCode(200)
  @RequirePermission('provider:write')
  @ApiOperation({ summary: 'Take a credential out of use for good' })
  async revoke(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('credentialId') credentialId: string,
  ): Promise<CredentialModel> {
    const target = { providerId: idOf(id, 'provider'), id: idOf(credentialId, 'credential') };
    return toCredentialModel(await this.credentials.revoke(principal, target));
  }
}
