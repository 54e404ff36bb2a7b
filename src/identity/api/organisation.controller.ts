import { Body, Controller, Get, Headers, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { decodeCursor, pageQuery, toPage, versionOf, type Page } from '../../platform/http/index.js';
import {
  PERMISSIONS,
  CurrentPrincipal,
  RequirePermission,
  ROLES,
  type Principal,
  type Role,
} from '../../platform/security/index.js';
import type { Organisation } from '../domain/directory-entries.js';
import { ROLE_RIGHTS, type RoleRights } from '../domain/role-permissions.js';
import { IdentityService } from '../identity.service.js';
import { UsersService } from '../users.service.js';
import { byCreation } from './by-creation.js';
import { toPrincipalModel, type PrincipalModel } from './principal.model.js';
import { idPath, organisationPatchInput, teamInput } from './user.input.js';
import { toTeamModel, type TeamModel } from './user.model.js';

/** `/api/me`, `/api/organisation`, `/api/teams`, `/api/roles`. */
@ApiTags('access')
@Controller('api')
export class OrganisationController {
  constructor(
    private readonly users: UsersService,
    private readonly identity: IdentityService,
  ) {}

  /** For every caller who may do anything at all. */
  @Get('me')
  @RequirePermission(...PERMISSIONS)
  me(@CurrentPrincipal() principal: Principal): PrincipalModel {
    return toPrincipalModel(principal, this.identity.directory());
  }

  @Get('organisation')
  @RequirePermission('usage:read', 'usage:read:all', 'system:read')
  organisation(@CurrentPrincipal() principal: Principal): Promise<Organisation> {
    return this.users.findOrganisation(principal.orgId);
  }

  @Patch('organisation')
  @RequirePermission('user:write')
  patchOrganisation(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: organisationPatchInput }) body: z.output<typeof organisationPatchInput>,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<Organisation> {
    return this.users.updateOrganisation(principal, body, versionOf(ifMatch));
  }

  @Get('roles')
  @RequirePermission('usage:read', 'usage:read:all', 'user:write')
  roles(): { readonly data: readonly (RoleRights & { readonly role: Role })[]; readonly next: null } {
    return { data: ROLES.map((role) => ({ role, ...ROLE_RIGHTS[role] })), next: null };
  }

  @Get('teams')
  @RequirePermission('usage:read', 'usage:read:all', 'user:write')
  async teams(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>,
  ): Promise<Page<TeamModel>> {
    const { limit, cursor } = query;
    const rows = await this.users.listTeams(principal, { limit, after: decodeCursor(cursor) });
    return toPage(rows, { limit, keyset: byCreation, map: toTeamModel });
  }

  @Post('teams')
  @RequirePermission('user:write')
  async createTeam(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: teamInput }) body: z.output<typeof teamInput>,
  ): Promise<TeamModel> {
    return toTeamModel(await this.users.createTeam(principal, body));
  }

  @Patch('teams/:id')
  @RequirePermission('user:write')
  async patchTeam(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
    @Body({ schema: teamInput }) body: z.output<typeof teamInput>,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<TeamModel> {
    return toTeamModel(await this.users.renameTeam(principal, path.id, { name: body.name, basis: versionOf(ifMatch) }));
  }
}
