import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { formatInstant } from '../../platform/clock/index.js';
import { decodeCursor, encodeCursor, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { UsageReportService } from '../usage-report.service.js';
import { costQuery, toUsageFilter, usageQuery } from './report.input.js';
import { toPointJson, type UsagePointJson } from './report.model.js';

@ApiTags('usage')
@ApiBearerAuth()
@Controller('api/usage')
export class UsageController {
  constructor(private readonly reports: UsageReportService) {}

  @Get()
  @RequirePermission('usage:read', 'usage:read:team', 'usage:read:all')
  @ApiOperation({ summary: 'Tokens and cost over time, as far as the caller may see' })
  async usage(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: usageQuery }) query: z.output<typeof usageQuery>,
  ): Promise<{ asOf: string; currency: string; truncated: boolean; points: readonly UsagePointJson[] }> {
    const { granularity, groupBy = [] } = query;
    const wish = { filter: toUsageFilter(query), granularity, by: groupBy };
    const { asOfMs, currency, truncated, points } = await this.reports.usage(principal, wish);
    return { asOf: formatInstant(asOfMs), currency, truncated, points: points.map(toPointJson) };
  }

  @Get('costs')
  @RequirePermission('usage:read', 'usage:read:team', 'usage:read:all')
  @ApiOperation({ summary: 'Cost by any mix of dimensions, dearest group first' })
  async costs(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: costQuery }) query: z.output<typeof costQuery>,
  ): Promise<Page<UsagePointJson> & { asOf: string }> {
    const { by, limit: first, cursor } = query;
    const filter = toUsageFilter(query);
    const bound = { filter, by };
    const offset = Number(decodeCursor(cursor, bound)?.id ?? 0);
    const { asOfMs, rows, hasNext } = await this.reports.attribution(principal, { filter, by, first, offset });
    const next = hasNext ? encodeCursor({ key: '', id: String(offset + rows.length) }, bound) : null;
    return { asOf: formatInstant(asOfMs), data: rows.map(toPointJson), next };
  }
}
