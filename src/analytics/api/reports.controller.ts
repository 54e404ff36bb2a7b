import { Readable } from 'node:stream';

import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res, StreamableFile } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';

import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, rangeStart, requireIdempotencyKey, toPage, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { fileNameOf } from '../reports/report-runner.js';
import { ReportsService } from '../reports/reports.service.js';
import { newReportInput, reportIdPath, reportKindPath, reportListQuery, toReportQuery } from './report.input.js';
import { toReportModel, type ReportModel } from './report.model.js';

const MEDIA_TYPES = { csv: 'text/csv; charset=utf-8; header=present', jsonl: 'application/x-ndjson' } as const;

@ApiTags('reports')
@ApiBearerAuth()
@Controller('api/reports')
export class ReportsController {
  constructor(private readonly reports: ReportsService) {}

  @Post(':kind')
  @HttpCode(202)
  @RequirePermission('report:export')
  @ApiOperation({ summary: 'Order a file: usage, chargeback or FOCUS rows' })
  // eslint-disable-next-line no-restricted-syntax -- each parameter is a part of the request
  async start(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: reportKindPath }) { kind }: z.output<typeof reportKindPath>,
    @Headers('idempotency-key') key: string | undefined,
    @Body({ schema: newReportInput }) input: z.output<typeof newReportInput>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReportModel> {
    const job = await this.reports.start(principal, toReportQuery(kind, input), requireIdempotencyKey(key));
    reply.header('location', `/api/reports/${job.id}`);
    return toReportModel(job);
  }

  @Get()
  @RequirePermission('report:export')
  @ApiOperation({ summary: 'Reports of the organisation, newest first' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: reportListQuery }) query: z.output<typeof reportListQuery>,
  ): Promise<Page<ReportModel>> {
    const page = { after: decodeCursor(query.cursor), limit: query.limit };
    return toPage(await this.reports.findAll(principal, page), {
      limit: query.limit,
      keyset: ({ createdAtMs, id }) => ({ key: formatInstant(createdAtMs), id }),
      map: toReportModel,
    });
  }

  @Get(':id')
  @RequirePermission('report:export')
  @ApiOperation({ summary: 'A report, its progress, and when done its manifest' })
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: reportIdPath }) { id }: z.output<typeof reportIdPath>,
  ): Promise<ReportModel> {
    return toReportModel(await this.reports.find(principal, id));
  }

  @Get(':id/content')
  @RequirePermission('report:export')
  @ApiOperation({ summary: 'The file of a report; Range: bytes=N- goes on where a download broke off' })
  async content(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: reportIdPath }) { id }: z.output<typeof reportIdPath>,
    @Headers('range') range: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const { job, fromByte, pieces } = await this.reports.content(principal, id, rangeStart(range));
    reply.header('accept-ranges', 'bytes');
    reply.header('content-security-policy', "sandbox; default-src 'none'");
    if (fromByte > 0) {
      reply.status(206);
      reply.header('content-range', `bytes ${String(fromByte)}-${String(job.bytes - 1)}/${String(job.bytes)}`);
    }
    return new StreamableFile(Readable.from(pieces, { objectMode: false }), {
      type: MEDIA_TYPES[job.query.format],
      disposition: `attachment; filename="${fileNameOf(job.query)}"`,
      length: job.bytes - fromByte,
    });
  }
}
