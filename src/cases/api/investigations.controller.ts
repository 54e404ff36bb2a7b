import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type FastifyReply } from 'fastify';
import type { z } from 'zod';

import { decodeCursor, pageQuery, toPage, versionOf, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { DocumentsService } from '../documents.service.js';
import { InvestigationsService } from '../investigations.service.js';
import {
  casePath,
  externalRefPath,
  investigationPatchInput,
  investigationQuery,
  linkInput,
  linkPath,
  memberPath,
  membersInput,
  newInvestigationInput,
  upsertInput,
} from './case.input.js';
import {
  byCreation,
  toDocumentModel,
  toInvestigationModel,
  toMemberModel,
  type DocumentModel,
  type InvestigationModel,
  type MemberModel,
} from './case.model.js';

/** A list that fits one answer. */
interface Whole<T> {
  readonly data: readonly T[];
  readonly next: null;
}

/** `/api/investigations`. */
@ApiTags('cases')
@Controller('api/investigations')
export class InvestigationsController {
  constructor(
    private readonly investigations: InvestigationsService,
    private readonly documents: DocumentsService,
  ) {}

  @Get()
  @RequirePermission('case:read')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: investigationQuery }) query: z.output<typeof investigationQuery>,
  ): Promise<Page<InvestigationModel>> {
    const { limit, cursor, ...filter } = query;
    const rows = await this.investigations.list(principal, filter, { limit, after: decodeCursor(cursor, filter) });
    return toPage(rows, { limit, filter, keyset: byCreation, map: toInvestigationModel });
  }

  @Get(':id')
  @RequirePermission('case:read')
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
  ): Promise<InvestigationModel> {
    return toInvestigationModel(await this.investigations.find(principal, path.id));
  }

  @Post()
  @RequirePermission('case:write')
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newInvestigationInput }) body: z.output<typeof newInvestigationInput>,
  ): Promise<InvestigationModel> {
    const { externalRef, ...input } = body;
    return toInvestigationModel(await this.investigations.create(principal, externalRef, input));
  }

  /** 201 when it was made, 200 when it was there. */
  @Put(':id')
  @RequirePermission('case:write')
  async upsert(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: externalRefPath }) path: z.output<typeof externalRefPath>,
    @Body({ schema: upsertInput }) body: z.output<typeof upsertInput>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<InvestigationModel> {
    const { investigation, created } = await this.investigations.upsert(principal, path.id, body);
    reply.status(created ? 201 : 200);
    return toInvestigationModel(investigation);
  }

  @Patch(':id')
  @RequirePermission('case:write')
  async patch(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
    @Body({ schema: investigationPatchInput }) body: z.output<typeof investigationPatchInput>,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<InvestigationModel> {
    return toInvestigationModel(await this.investigations.patch(principal, path.id, body, versionOf(ifMatch)));
  }

  @Post(':id/close')
  @HttpCode(200)
  @RequirePermission('case:write')
  async close(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
  ): Promise<InvestigationModel> {
    return toInvestigationModel(await this.investigations.close(principal, path.id));
  }

  @Post(':id/reopen')
  @HttpCode(200)
  @RequirePermission('case:write')
  async reopen(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
  ): Promise<InvestigationModel> {
    return toInvestigationModel(await this.investigations.reopen(principal, path.id));
  }

  @Get(':id/members')
  @RequirePermission('case:read')
  async members(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
  ): Promise<Whole<MemberModel>> {
    const members = await this.investigations.listMembers(principal, path.id);
    return { data: members.map(toMemberModel), next: null };
  }

  @Post(':id/members')
  @RequirePermission('case:write')
  async addMembers(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
    @Body({ schema: membersInput }) body: z.output<typeof membersInput>,
  ): Promise<Whole<MemberModel>> {
    const members = await this.investigations.addMembers(principal, path.id, body.userIds);
    return { data: members.map(toMemberModel), next: null };
  }

  @Delete(':id/members/:userId')
  @HttpCode(204)
  @RequirePermission('case:write')
  async removeMember(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: memberPath }) path: z.output<typeof memberPath>,
  ): Promise<void> {
    await this.investigations.removeMember(principal, path.id, path.userId);
  }

  @Get(':id/documents')
  @RequirePermission('case:read')
  async listDocuments(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
    @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>,
  ): Promise<Page<DocumentModel>> {
    const { limit, cursor } = query;
    const rows = await this.documents.listOf(principal, path.id, { limit, after: decodeCursor(cursor, path.id) });
    return toPage(rows, { limit, filter: path.id, keyset: byCreation, map: toDocumentModel });
  }

  @Post(':id/documents')
  @RequirePermission('case:write')
  async link(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: casePath }) path: z.output<typeof casePath>,
    @Body({ schema: linkInput }) body: z.output<typeof linkInput>,
  ): Promise<DocumentModel> {
    const place = { investigation: path.id, label: body.label };
    return toDocumentModel(await this.documents.link(principal, body.documentId, place));
  }

  @Delete(':id/documents/:documentId')
  @HttpCode(204)
  @RequirePermission('case:write')
  async unlink(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: linkPath }) path: z.output<typeof linkPath>,
  ): Promise<void> {
    await this.documents.unlink(principal, path.documentId, path.id);
  }
}
