import { Body, Controller, Get, Headers, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { decodeCursor, toPage, versionOf, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { UsersService } from '../users.service.js';
import { byCreation } from './by-creation.js';
import { idPath, newUserInput, userPatchInput, userQuery } from './user.input.js';
import { toUserModel, type UserModel } from './user.model.js';

/** `/api/users`. */
@ApiTags('access')
@Controller('api/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get()
  @RequirePermission('user:write', 'usage:read:team', 'usage:read:all')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: userQuery }) query: z.output<typeof userQuery>,
  ): Promise<Page<UserModel>> {
    const { limit, cursor, ...filter } = query;
    const rows = await this.users.listUsers(principal, filter, { limit, after: decodeCursor(cursor, filter) });
    return toPage(rows, { limit, filter, keyset: byCreation, map: toUserModel });
  }

  @Get(':id')
  @RequirePermission('user:write', 'usage:read', 'usage:read:all')
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
  ): Promise<UserModel> {
    return toUserModel(await this.users.findUser(principal, path.id));
  }

  @Post()
  @RequirePermission('user:write')
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newUserInput }) body: z.output<typeof newUserInput>,
  ): Promise<UserModel> {
    return toUserModel(await this.users.createUser(principal, body));
  }

  @Patch(':id')
  @RequirePermission('user:write')
  async patch(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
    @Body({ schema: userPatchInput }) body: z.output<typeof userPatchInput>,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<UserModel> {
    return toUserModel(await this.users.updateUser(principal, path.id, body, versionOf(ifMatch)));
  }

  @Post(':id/disable')
  @HttpCode(200)
  @RequirePermission('user:write')
  async disable(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
  ): Promise<UserModel> {
    return toUserModel(await this.users.disableUser(principal, path.id));
  }
}
