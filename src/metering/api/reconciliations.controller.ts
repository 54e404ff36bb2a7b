import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, toPage, versionOf, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { ReconciliationsService } from '../invoices/reconciliations.service.js';
import { invoiceListQuery, invoicePath, newReconciliationInput, proposalInput } from './invoice.input.js';
import { toCellJson, toReconciliationModel, type CellJson, type ReconciliationModel } from './invoice.model.js';

@ApiTags('reconciliations')
@ApiBearerAuth()
@Controller('api/reconciliations')
export class ReconciliationsController {
  constructor(private readonly reconciliations: ReconciliationsService) {}

  @Post()
  @HttpCode(201)
  @RequirePermission('price:write')
  @ApiOperation({ summary: 'Compare an invoice with what was charged for its days' })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newReconciliationInput }) { invoiceId }: z.output<typeof newReconciliationInput>,
  ): Promise<ReconciliationModel> {
    return toReconciliationModel(await this.reconciliations.reconcile(principal, invoiceId));
  }

  @Get()
  @RequirePermission('price:write', 'report:export')
  @ApiOperation({ summary: 'Reconciliations, newest first' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: invoiceListQuery }) { limit, cursor }: z.output<typeof invoiceListQuery>,
  ): Promise<Page<ReconciliationModel>> {
    return toPage(await this.reconciliations.findAll(principal, { after: decodeCursor(cursor), limit }), {
      limit,
      keyset: ({ createdAtMs, id }) => ({ key: formatInstant(createdAtMs), id }),
      map: toReconciliationModel,
    });
  }

  @Get(':id')
  @RequirePermission('price:write', 'report:export')
  @ApiOperation({ summary: 'One reconciliation without its cells' })
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: invoicePath }) { id }: z.output<typeof invoicePath>,
  ): Promise<ReconciliationModel> {
    return toReconciliationModel(await this.reconciliations.find(principal, id));
  }

  @Get(':id/cells')
  @RequirePermission('price:write', 'report:export')
  @ApiOperation({ summary: 'The variance report: what was charged and what was billed, cell by cell' })
  async cells(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: invoicePath }) { id }: z.output<typeof invoicePath>,
    @Query({ schema: invoiceListQuery }) { limit, cursor }: z.output<typeof invoiceListQuery>,
  ): Promise<Page<CellJson>> {
    const after = Number(decodeCursor(cursor, id)?.key ?? 0);
    return toPage(await this.reconciliations.findCells(principal, id, { after, limit }), {
      limit,
      keyset: ({ n }) => ({ key: String(n), id }),
      map: toCellJson,
      filter: id,
    });
  }

  @Post(':id/propose')
  @HttpCode(200)
  @RequirePermission('price:write')
  @ApiOperation({ summary: 'Ask somebody else to post the variance' })
  async propose(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: invoicePath }) { id }: z.output<typeof invoicePath>,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: proposalInput }) input: z.output<typeof proposalInput>,
  ): Promise<ReconciliationModel> {
    const wish = { ...input, version: versionOf(ifMatch) };
    return toReconciliationModel(await this.reconciliations.propose(principal, id, wish));
  }

  @Post(':id/post')
  @HttpCode(200)
  @RequirePermission('price:write')
  @ApiOperation({ summary: 'Post a proposed variance as ADJUST entries; never by whoever proposed it' })
  async post(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: invoicePath }) { id }: z.output<typeof invoicePath>,
  ): Promise<ReconciliationModel> {
    return toReconciliationModel(await this.reconciliations.post(principal, id));
  }
}
