import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { decodeCursor, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { PricesService } from '../prices.service.js';
import { addPricesInput, priceListQuery, type AddPricesInput, type PriceListQuery } from './price.input.js';
import { toPriceDrafts, toPriceModel, type PriceModel } from './price.model.js';

@ApiTags('prices')
@Controller('api/prices')
export class PricesController {
  constructor(private readonly prices: PricesService) {}

  @Get()
  @RequirePermission('price:write', 'usage:read', 'usage:read:team', 'usage:read:all', 'system:read')
  async list(@Query({ schema: priceListQuery }) query: PriceListQuery): Promise<Page<PriceModel>> {
    const { limit, cursor, at, ...rest } = query;
    const filter = { ...rest, atMs: at === undefined ? undefined : Date.parse(at) };
    const rows = await this.prices.findPrices(filter, { after: decodeCursor(cursor, filter), limit });
    return toPage(rows, {
      limit,
      keyset: ({ effectiveFromMs, id }) => ({ key: String(effectiveFromMs), id }),
      map: toPriceModel,
      filter,
    });
  }

  @Post()
  @RequirePermission('price:write')
  async add(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: addPricesInput }) input: AddPricesInput,
  ): Promise<{ readonly data: readonly PriceModel[] }> {
    const prices = await this.prices.addPrices(principal, toPriceDrafts(input));
    return { data: prices.map(toPriceModel) };
  }
}
