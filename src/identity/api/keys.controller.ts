import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { decodeCursor, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { KeysService } from '../keys.service.js';
import { byCreation } from './by-creation.js';
import { keyQuery, newKeyInput } from './key.input.js';
import { toKeyModel, type KeyModel } from './key.model.js';
import { idPath } from './user.input.js';

/** `/api/keys`. */
@ApiTags('access')
@Controller('api/keys')
@RequirePermission('key:write')
export class KeysController {
  constructor(private readonly keys: KeysService) {}

  @Get()
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: keyQuery }) query: z.output<typeof keyQuery>,
  ): Promise<Page<KeyModel>> {
    const { limit, cursor, ...filter } = query;
    const rows = await this.keys.listKeys(principal, filter, { limit, after: decodeCursor(cursor, filter) });
    return toPage(rows, { limit, filter, keyset: byCreation, map: toKeyModel });
  }

  @Get(':id')
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
  ): Promise<KeyModel> {
    return toKeyModel(await this.keys.findKey(principal, path.id));
  }

  /** The answer holds `secret`, the whole key text, this one time. */
  @Post()
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newKeyInput }) body: z.output<typeof newKeyInput>,
  ): Promise<KeyModel & { readonly secret: string }> {
    const { key, secret } = await this.keys.createKey(principal, body);
    return { ...toKeyModel(key), secret };
  }

  @Post(':id/revoke')
  @HttpCode(200)
  async revoke(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
  ): Promise<KeyModel> {
    return toKeyModel(await this.keys.revokeKey(principal, path.id));
  }
}
