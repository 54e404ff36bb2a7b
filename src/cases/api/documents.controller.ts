import { Controller, Get, Param, Post, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';

import { AppError } from '../../platform/errors/index.js';
import { decodeCursor, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { DocumentsService } from '../documents.service.js';
import { documentQuery, idPath, uploadQuery } from './case.input.js';
import { byCreation, toDocumentModel, type DocumentModel } from './case.model.js';

/** `/api/documents`. */
@ApiTags('cases')
@Controller('api/documents')
export class DocumentsController {
  constructor(private readonly documents: DocumentsService) {}

  /** The body is the document itself. 201 when its bytes were new, 200 with the document that was there when not. */
  @Post()
  @RequirePermission('case:write')
  async upload(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: uploadQuery }) query: z.output<typeof uploadQuery>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DocumentModel> {
    const content = request.body;
    if (content === undefined || content === null) {
      throw new AppError('invalid_value', 'The body is empty: send the bytes of the document.');
    }
    if (!Buffer.isBuffer(content)) {
      throw new AppError('unsupported_media_type', 'Send the bytes as they are, with their own Content-Type.');
    }
    const { document, created } = await this.documents.upload(principal, {
      content,
      contentType: request.headers['content-type'],
      ...query,
    });
    reply.status(created ? 201 : 200);
    return toDocumentModel(document);
  }

  @Get()
  @RequirePermission('case:read')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: documentQuery }) query: z.output<typeof documentQuery>,
  ): Promise<Page<DocumentModel>> {
    const { limit, cursor, ...filter } = query;
    const rows = await this.documents.list(principal, filter, { limit, after: decodeCursor(cursor, filter) });
    return toPage(rows, { limit, filter, keyset: byCreation, map: toDocumentModel });
  }

  @Get(':id')
  @RequirePermission('case:read')
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
  ): Promise<DocumentModel> {
    return toDocumentModel(await this.documents.find(principal, path.id));
  }

  /** Always as an attachment: bytes that someone brought are never shown in our origin. */
  @Get(':id/content')
  @RequirePermission('case:read')
  async content(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: idPath }) path: z.output<typeof idPath>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const { document, content } = await this.documents.readContent(principal, path.id);
    reply.header('content-security-policy', "sandbox; default-src 'none'");
    return new StreamableFile(content, {
      type: document.mediaType,
      disposition: `attachment; filename="${document.sha256.slice(0, 16)}"`,
      length: content.length,
    });
  }
}
