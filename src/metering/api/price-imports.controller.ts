import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { decodeCursor, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { PriceImportsService } from '../price-imports.service.js';
import { newPriceImportInput, priceImportPath, priceImportQuery, toListedPrices } from './price-import.input.js';
import {
  toImportViewJson,
  toPriceImportJson,
  type PriceImportJson,
  type PriceImportViewJson,
} from './price-import.model.js';

type ImportPath = z.output<typeof priceImportPath>;

/** `/api/prices/imports`: one person hands a list in, another puts it in force. */
@ApiTags('prices')
@ApiBearerAuth()
@Controller('api/prices/imports')
export class PriceImportsController {
  constructor(private readonly imports: PriceImportsService) {}

  @Get()
  @RequirePermission('price:write', 'system:read')
  @ApiOperation({ summary: 'Price lists that were handed in, newest first' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: priceImportQuery }) { limit, cursor }: z.output<typeof priceImportQuery>,
  ): Promise<Page<PriceImportJson>> {
    const rows = await this.imports.findAll(principal, { after: decodeCursor(cursor), limit });
    const keyset = ({ proposedAtMs, id }: (typeof rows)[number]): { key: string; id: string } => ({
      key: String(proposedAtMs),
      id,
    });
    return toPage(rows, { limit, keyset, map: toPriceImportJson });
  }

  @Post()
  @RequirePermission('price:write')
  @ApiOperation({ summary: 'Hand a price list in and see what it changes; dryRun keeps nothing' })
  async propose(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newPriceImportInput }) input: z.output<typeof newPriceImportInput>,
  ): Promise<PriceImportViewJson> {
    const { note, dryRun } = input;
    const view = await this.imports.propose(principal, { note, dryRun, prices: toListedPrices(input) });
    return toImportViewJson(view, dryRun);
  }

  @Get(':id')
  @RequirePermission('price:write', 'system:read')
  @ApiOperation({ summary: 'One price list and what it would change now' })
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: priceImportPath }) { id }: ImportPath,
  ): Promise<PriceImportViewJson> {
    return toImportViewJson(await this.imports.find(principal, id));
  }

  @Post(':id/activate')
  @HttpCode(200)
  @RequirePermission('price:write')
  @ApiOperation({ summary: 'Put a price list in force that somebody else handed in' })
  async activate(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: priceImportPath }) { id }: ImportPath,
  ): Promise<PriceImportViewJson> {
    return toImportViewJson(await this.imports.activate(principal, id));
  }

  @Post(':id/discard')
  @HttpCode(200)
  @RequirePermission('price:write')
  @ApiOperation({ summary: 'Set a price list aside' })
  async discard(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: priceImportPath }) { id }: ImportPath,
  ): Promise<PriceImportViewJson> {
    return toImportViewJson(await this.imports.discard(principal, id));
  }
}
