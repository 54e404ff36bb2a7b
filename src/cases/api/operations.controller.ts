import { Body, Controller, Get, Headers, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { decodeCursor, toPage, versionOf, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { OperationsService } from '../operations.service.js';
import {
  casePath,
  idPath,
  newOperationInput,
  newPurposeInput,
  operationPatchInput,
  operationQuery,
  purposePatchInput,
} from './case.input.js';
import { byCreation, toOperationModel, toPurposeModel, type OperationModel, type PurposeModel } from './case.model.js';

/** `/api/operations` and `/api/purposes`. */
@ApiTags('cases')
@Controller('api')
export class OperationsController {
  constructor(private readonly operations: OperationsService) {}

  @Get('operations')
  @RequirePermission('case:read')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: operationQuery }) query: z.output<typeof operationQuery>,
  ): Promise<Page<OperationModel>> {
    const { limit, cursor, ...filter } = query;
    const after = decodeCursor(cursor, filter);
    const rows = await this.operations.listOperations(principal, filter, { limit, after });
    return toPage(rows, { limit, filter, keyset: byCreation, map: toOperationModel });
  }

  @Get('operations/:id')
  @RequirePermission('case:read')
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
  ): Promise<OperationModel> {
    return toOperationModel(await this.operations.findOperation(principal, path.id));
  }

  @Post('operations')
  @RequirePermission('case:write')
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newOperationInput }) body: z.output<typeof newOperationInput>,
  ): Promise<OperationModel> {
    return toOperationModel(await this.operations.createOperation(principal, body));
  }

  @Patch('operations/:id')
  @RequirePermission('case:write')
  async patch(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
    @Body({ schema: operationPatchInput }) body: z.output<typeof operationPatchInput>,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<OperationModel> {
    return toOperationModel(await this.operations.patchOperation(principal, path.id, body, versionOf(ifMatch)));
  }

  /** Whoever may call may know which purposes there are. */
  @Get('purposes')
  @RequirePermission('chat:write', 'case:read')
  async listPurposes(
    @CurrentPrincipal() principal: Principal,
  ): Promise<{ readonly data: readonly PurposeModel[]; readonly next: null }> {
    const purposes = await this.operations.listPurposes(principal);
    return { data: purposes.map(toPurposeModel), next: null };
  }

  @Post('purposes')
  @RequirePermission('case:write')
  async createPurpose(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newPurposeInput }) body: z.output<typeof newPurposeInput>,
  ): Promise<PurposeModel> {
    return toPurposeModel(await this.operations.createPurpose(principal, body));
  }

  @Patch('purposes/:id')
  @RequirePermission('case:write')
  async patchPurpose(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
    @Body({ schema: purposePatchInput }) body: z.output<typeof purposePatchInput>,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<PurposeModel> {
    return toPurposeModel(await this.operations.patchPurpose(principal, path.id, body, versionOf(ifMatch)));
  }
}
