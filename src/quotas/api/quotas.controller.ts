import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { AppError } from '../../platform/errors/index.js';
import { decodeCursor, toPage, versionOf, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { ConfigSnapshots } from '../../platform/snapshot/index.js';
import { seesAll } from '../domain/quota-rights.js';
import type { QuotaHolder } from '../domain/quota.js';
import { QuotaAdminService } from '../quota-admin.service.js';
import { QuotasService } from '../quotas.service.js';
import {
  checkQuotaInput,
  createQuotaInput,
  patchQuotaInput,
  quotaListQuery,
  type CheckQuotaInput,
  type CreateQuotaInput,
  type PatchQuotaInput,
  type QuotaListQuery,
} from '../quota-input.js';
import { toCheckModel, toQuotaModel, type QuotaCheckModel, type QuotaModel } from './quota.model.js';

@ApiTags('quotas')
@Controller('api/quotas')
export class QuotasController {
  constructor(
    private readonly admin: QuotaAdminService,
    private readonly quotas: QuotasService,
    private readonly snapshots: ConfigSnapshots,
  ) {}

  @Get()
  @RequirePermission('quota:write', 'usage:read:all', 'usage:read:team')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: quotaListQuery }) query: QuotaListQuery,
  ): Promise<Page<QuotaModel>> {
    const rows = await this.admin.findQuotas(principal, { after: decodeCursor(query.cursor), limit: query.limit });
    return toPage(rows, { limit: query.limit, keyset: ({ name, id }) => ({ key: name, id }), map: toQuotaModel });
  }

  @Post()
  @RequirePermission('quota:write')
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: createQuotaInput }) input: CreateQuotaInput,
  ): Promise<QuotaModel> {
    return toQuotaModel(await this.admin.setQuota(principal, input));
  }

  @Post('check')
  @HttpCode(200)
  @RequirePermission('quota:read')
  check(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: checkQuotaInput }) input: CheckQuotaInput,
  ): QuotaCheckModel {
    const check = this.quotas.check(holderFor(principal, input), principal, {
      estimatedTokens: input.estimatedTokens,
      model: input.model,
      criticality: input.criticality,
      deadlineAtMs: 0,
      snapshot: this.snapshots.current(),
    });
    return toCheckModel(check);
  }

  @Patch(':id')
  @RequirePermission('quota:write')
  async patch(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: patchQuotaInput }) patch: PatchQuotaInput,
  ): Promise<QuotaModel> {
    return toQuotaModel(await this.admin.updateQuota(principal, { id, version: versionOf(ifMatch) }, patch));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('quota:write')
  async remove(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    await this.admin.removeQuota(principal, { id, version: versionOf(ifMatch) });
  }
}

/** Whom a check is about. @throws AppError insufficient_scope — somebody else, without the right to see everybody */
function holderFor(principal: Principal, input: CheckQuotaInput): QuotaHolder {
  const own: QuotaHolder = {
    orgId: principal.orgId,
    kind: principal.kind,
    userId: principal.userId,
    teamId: principal.teamId,
    keyId: principal.credential.kind === 'virtual_key' ? principal.credential.id : null,
  };
  const { userId, teamId, keyId } = input;
  if (userId === undefined && teamId === undefined && keyId === undefined) return own;
  if (!seesAll(principal)) {
    throw new AppError('insufficient_scope', 'You may check your own limits only. Leave userId, teamId and keyId out.');
  }
  return {
    orgId: principal.orgId,
    kind: 'user',
    userId: userId ?? principal.userId,
    teamId: teamId ?? null,
    keyId: keyId ?? null,
  };
}
