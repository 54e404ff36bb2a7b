import { Readable } from 'node:stream';

import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res, StreamableFile } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';

import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, rangeStart, requireIdempotencyKey, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { ExportsService } from '../export/exports.service.js';
import { exportIdPath, exportListQuery, newExportInput, releaseInput, toExportWish } from './export.input.js';
import { toExportModel, type ExportModel } from './export.model.js';

@ApiTags('audit')
@ApiBearerAuth()
@Controller('api/audit/exports')
export class ExportsController {
  constructor(private readonly exports: ExportsService) {}

  @Post()
  @HttpCode(202)
  @RequirePermission('audit:export')
  @ApiOperation({ summary: 'Order an evidence bundle of an investigation, or of all records' })
  async start(
    @CurrentPrincipal() principal: Principal,
    @Headers('idempotency-key') key: string | undefined,
    @Body({ schema: newExportInput }) input: z.output<typeof newExportInput>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ExportModel> {
    const job = await this.exports.start(principal, toExportWish(input), requireIdempotencyKey(key));
    reply.header('location', `/api/audit/exports/${job.id}`);
    return toExportModel(job);
  }

  @Get()
  @RequirePermission('audit:export')
  @ApiOperation({ summary: 'Evidence bundles of the organisation, newest first' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: exportListQuery }) query: z.output<typeof exportListQuery>,
  ): Promise<Page<ExportModel>> {
    const page = { after: decodeCursor(query.cursor), limit: query.limit };
    return toPage(await this.exports.findAll(principal, page), {
      limit: query.limit,
      keyset: ({ createdAtMs, id }) => ({ key: formatInstant(createdAtMs), id }),
      map: toExportModel,
    });
  }

  @Get(':id')
  @RequirePermission('audit:export')
  @ApiOperation({ summary: 'An evidence bundle and its progress' })
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: exportIdPath }) { id }: z.output<typeof exportIdPath>,
  ): Promise<ExportModel> {
    return toExportModel(await this.exports.find(principal, id));
  }

  @Post(':id/release')
  @HttpCode(200)
  @RequirePermission('audit:release')
  @ApiOperation({ summary: 'Release a complete bundle to a recipient, on record' })
  async release(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: exportIdPath }) { id }: z.output<typeof exportIdPath>,
    @Body({ schema: releaseInput }) input: z.output<typeof releaseInput>,
  ): Promise<ExportModel> {
    return toExportModel(await this.exports.release(principal, id, input));
  }

  @Get(':id/bundle')
  @RequirePermission('audit:export')
  @ApiOperation({ summary: 'The zip file; Range: bytes=N- goes on where a download broke off' })
  async bundle(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: exportIdPath }) { id }: z.output<typeof exportIdPath>,
    @Headers('range') range: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const { job, fromByte, pieces } = await this.exports.content(principal, id, rangeStart(range));
    reply.header('accept-ranges', 'bytes');
    if (fromByte > 0) {
      reply.status(206);
      reply.header('content-range', `bytes ${String(fromByte)}-${String(job.bytes - 1)}/${String(job.bytes)}`);
    }
    return new StreamableFile(Readable.from(pieces, { objectMode: false }), {
      type: 'application/zip',
      disposition: `attachment; filename="evidence-${job.id}.zip"`,
      length: job.bytes - fromByte,
    });
  }
}
