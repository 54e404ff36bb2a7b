import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { StatementsService } from '../statements/statements.service.js';
import { newStatementInput, statementLinesQuery, statementListQuery, statementPath } from './statement.input.js';
import { toLineJson, toStatementModel, type StatementLineJson, type StatementModel } from './statement.model.js';

@ApiTags('statements')
@ApiBearerAuth()
@Controller('api/statements')
export class StatementsController {
  constructor(private readonly statements: StatementsService) {}

  @Post()
  @HttpCode(201)
  @RequirePermission('report:export')
  @ApiOperation({ summary: 'Make a statement of a month: a draft, or for good' })
  async make(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newStatementInput }) input: z.output<typeof newStatementInput>,
  ): Promise<StatementModel> {
    const { scopeId = principal.orgId, ...wish } = input;
    return toStatementModel(await this.statements.make(principal, { ...wish, scopeId }));
  }

  @Get()
  @RequirePermission('report:export')
  @ApiOperation({ summary: 'Statements, newest first' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: statementListQuery }) query: z.output<typeof statementListQuery>,
  ): Promise<Page<StatementModel>> {
    const { month = null, limit, cursor } = query;
    const rows = await this.statements.findAll(principal, month, { after: decodeCursor(cursor, month), limit });
    return toPage(rows, {
      limit,
      keyset: ({ createdAtMs, id }) => ({ key: formatInstant(createdAtMs), id }),
      map: toStatementModel,
      filter: month,
    });
  }

  @Get(':id')
  @RequirePermission('report:export')
  @ApiOperation({ summary: 'One statement without its lines' })
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: statementPath }) { id }: z.output<typeof statementPath>,
  ): Promise<StatementModel> {
    return toStatementModel(await this.statements.find(principal, id));
  }

  @Get(':id/lines')
  @RequirePermission('report:export')
  @ApiOperation({ summary: 'Lines of a statement in order' })
  async lines(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: statementPath }) { id }: z.output<typeof statementPath>,
    @Query({ schema: statementLinesQuery }) { limit, cursor }: z.output<typeof statementLinesQuery>,
  ): Promise<Page<StatementLineJson>> {
    const { currency } = await this.statements.find(principal, id);
    const after = Number(decodeCursor(cursor, id)?.key ?? 0);
    const rows = await this.statements.findLines(principal, id, { after, limit });
    return toPage(rows, {
      limit,
      keyset: ({ n }) => ({ key: String(n), id }),
      map: (line) => toLineJson(line, currency),
      filter: id,
    });
  }
}
