import { Body, Controller, Get, Headers, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';

import { formatInstant } from '../../platform/clock/index.js';
import { AppError } from '../../platform/errors/index.js';
import { decodeCursor, toPage, versionOf, type Page } from '../../platform/http/index.js';
import { isUuid } from '../../platform/ids/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { BudgetAdminService } from '../budget-admin.service.js';
import { budgetPatchInput, budgetQuery, newBudgetInput } from '../budget-input.js';
import { toBudgetModel, type BudgetModel } from './budget.model.js';

function known(id: string): string {
  if (isUuid(id)) return id;
  throw new AppError('not_found', 'There is no such budget.');
}

@ApiTags('budgets')
@ApiBearerAuth()
@Controller('api/budgets')
export class BudgetsController {
  constructor(private readonly admin: BudgetAdminService) {}

  @Get()
  @RequirePermission('budget:read', 'budget:write')
  @ApiOperation({ summary: 'Budgets with their present windows' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: budgetQuery }) query: z.output<typeof budgetQuery>,
  ): Promise<Page<BudgetModel>> {
    const rows = await this.admin.findBudgets(principal, { after: decodeCursor(query.cursor), limit: query.limit });
    return toPage(rows, {
      limit: query.limit,
      keyset: ({ budget }) => ({ key: formatInstant(budget.createdAtMs), id: budget.id }),
      map: toBudgetModel,
    });
  }

  @Post()
  @RequirePermission('budget:write')
  @ApiOperation({ summary: 'Add a budget' })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newBudgetInput }) input: z.output<typeof newBudgetInput>,
  ): Promise<BudgetModel> {
    return toBudgetModel(await this.admin.createBudget(principal, input));
  }

  @Get(':id')
  @RequirePermission('budget:read', 'budget:write')
  @ApiOperation({ summary: 'One budget with its present windows' })
  async find(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<BudgetModel> {
    return toBudgetModel(await this.admin.findBudget(principal, known(id)));
  }

  @Patch(':id')
  @RequirePermission('budget:write')
  @ApiOperation({ summary: 'Change a budget; what was used stays used' })
  async update(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: budgetPatchInput }) patch: z.output<typeof budgetPatchInput>,
  ): Promise<BudgetModel> {
    return toBudgetModel(
      await this.admin.updateBudget(principal, { id: known(id), version: versionOf(ifMatch) }, patch),
    );
  }

  @Post(':id/archive')
  @HttpCode(200)
  @RequirePermission('budget:write')
  @ApiOperation({ summary: 'Take a budget out of force; its history stays' })
  async archive(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<BudgetModel> {
    return toBudgetModel(await this.admin.archiveBudget(principal, { id: known(id), version: versionOf(ifMatch) }));
  }
}
