import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { InvoicesService } from '../invoices/invoices.service.js';
import { invoiceListQuery, invoicePath, newInvoiceInput, toInvoiceDraft } from './invoice.input.js';
import { toInvoiceModel, type InvoiceModel } from './invoice.model.js';

@ApiTags('invoices')
@ApiBearerAuth()
@Controller('api/invoices')
export class InvoicesController {
  constructor(private readonly invoices: InvoicesService) {}

  @Post()
  @HttpCode(201)
  @RequirePermission('price:write')
  @ApiOperation({ summary: "Import a partner's invoice from JSON or CSV; the same one again changes nothing" })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newInvoiceInput }) input: z.output<typeof newInvoiceInput>,
  ): Promise<InvoiceModel> {
    return toInvoiceModel(await this.invoices.importInvoice(principal, toInvoiceDraft(input)));
  }

  @Get()
  @RequirePermission('price:write', 'report:export')
  @ApiOperation({ summary: 'Imported invoices, newest first' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: invoiceListQuery }) { limit, cursor }: z.output<typeof invoiceListQuery>,
  ): Promise<Page<InvoiceModel>> {
    return toPage(await this.invoices.findAll(principal, { after: decodeCursor(cursor), limit }), {
      limit,
      keyset: ({ createdAtMs, id }) => ({ key: formatInstant(createdAtMs), id }),
      map: toInvoiceModel,
    });
  }

  @Get(':id')
  @RequirePermission('price:write', 'report:export')
  @ApiOperation({ summary: 'One invoice without its lines' })
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: invoicePath }) { id }: z.output<typeof invoicePath>,
  ): Promise<InvoiceModel> {
    return toInvoiceModel(await this.invoices.find(principal, id));
  }
}
