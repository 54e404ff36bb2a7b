import { Args, Query, Resolver } from '@nestjs/graphql';

import { AppError } from '../../platform/errors/index.js';
import { decodeCursor, encodeCursor } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import type { Dimension, Granularity, UsageFilter } from '../domain/usage-filter.js';
import { UsageReportService } from '../usage-report.service.js';
import {
  CostArguments,
  CostConnectionModel,
  shareOf,
  toUsagePointModel,
  UsageDimension,
  UsageFilterInput,
  UsageGranularity,
  UsageReportModel,
} from './usage.model.js';

const BILLING_CURRENCY = 'USD';
/** ISO 4217 code for testing: the currency of simulated partners. */
const SIMULATED_CURRENCY = 'XTS';
const MAX_PAGE = 200;

function toFilter({ from, to, currency, ...rest }: UsageFilterInput): UsageFilter {
  const standard = rest.simulated ? SIMULATED_CURRENCY : BILLING_CURRENCY;
  return { ...rest, fromMs: from, toMs: to, currency: currency ?? standard };
}

/** @throws AppError invalid_value */
export function pageSize(first: number): number {
  if (first >= 1 && first <= MAX_PAGE) return first;
  throw new AppError('invalid_value', `first must be 1 to ${String(MAX_PAGE)}.`, { param: 'first' });
}

@Resolver()
export class UsageResolver {
  constructor(private readonly reports: UsageReportService) {}

  @RequirePermission('usage:read', 'usage:read:team', 'usage:read:all')
  @Query(() => UsageReportModel, { description: 'Tokens and cost over time, as far as the caller may see' })
  async usage(
    @CurrentPrincipal() principal: Principal,
    @Args('filter', { type: () => UsageFilterInput }) filter: UsageFilterInput,
    @Args('granularity', { type: () => UsageGranularity, defaultValue: 'DAY' }) granularity: Granularity,
    @Args('groupBy', { type: () => [UsageDimension], defaultValue: [] }) groupBy: Dimension[],
  ): Promise<UsageReportModel> {
    const report = await this.reports.usage(principal, { filter: toFilter(filter), granularity, by: groupBy });
    return {
      asOf: report.asOfMs,
      currency: report.currency,
      truncated: report.truncated,
      points: report.points.map(toUsagePointModel),
    };
  }

  @RequirePermission('usage:read', 'usage:read:team', 'usage:read:all')
  @Query(() => CostConnectionModel, { description: 'Cost by any mix of dimensions, dearest group first' })
  async costAttribution(
    @CurrentPrincipal() principal: Principal,
    @Args() { filter: input, by, first, after }: CostArguments,
  ): Promise<CostConnectionModel> {
    const filter = toFilter(input);
    const bound = { filter, by };
    const offset = Number(decodeCursor(after, bound)?.id ?? 0);
    const { rows, total, hasNext } = await this.reports.attribution(principal, {
      filter,
      by,
      first: pageSize(first),
      offset,
    });
    const edges = rows.map((row, index) => {
      const point = toUsagePointModel(row);
      return {
        cursor: encodeCursor({ key: '', id: String(offset + index + 1) }, bound),
        node: { key: point.key, share: shareOf(row.totals.cost.amount, total), totals: point.totals },
      };
    });
    return { edges, pageInfo: { hasNextPage: hasNext, endCursor: edges.at(-1)?.cursor ?? null } };
  }
}
