import { Injectable } from '@nestjs/common';

import { RollupsService } from '../metering/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Principal } from '../platform/security/index.js';
import { coarsest, coverRange, type Segment } from './domain/cover-range.js';
import { checkFilter, scopeOf, type Dimension, type Granularity, type UsageFilter } from './domain/usage-filter.js';
import type { UsagePoint } from './domain/usage-totals.js';
import { UsageReportRepository } from './persistence/usage-report.repository.js';

const MAX_POINTS = 10_000;
const MAX_DIMENSIONS = 4;

/** A time series; `truncated` when more than 10 000 points exist. */
export interface UsageReport {
  readonly asOfMs: number;
  readonly currency: string;
  readonly truncated: boolean;
  readonly points: readonly UsagePoint[];
}

/** A page of groups, dearest first, with what all groups cost together. */
export interface CostAttribution {
  readonly asOfMs: number;
  readonly rows: readonly UsagePoint[];
  readonly total: bigint;
  readonly hasNext: boolean;
}

/** Reports on what was used and what it cost, as far as the caller may see. */
@Injectable()
export class UsageReportService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly reports: UsageReportRepository,
    private readonly rollups: RollupsService,
  ) {}

  /** Usage over time. @throws AppError invalid_value, insufficient_scope */
  async usage(
    principal: Principal,
    query: { filter: UsageFilter; granularity: Granularity; by: readonly Dimension[] },
  ): Promise<UsageReport> {
    checkFilter(query.filter, query.granularity);
    checkDimensions(query.by);
    const scope = scopeOf(principal);
    return this.unitOfWork.read(async (tx) => {
      const { asOfMs, segments } = await this.#cover(tx, query.filter, query.granularity);
      const wish = { ...query, scope, segments, limit: MAX_POINTS + 1, offset: 0, order: 'time' } as const;
      const { points } = await this.reports.sum(tx, wish);
      return {
        asOfMs,
        currency: query.filter.currency,
        truncated: points.length > MAX_POINTS,
        points: points.slice(0, MAX_POINTS),
      };
    });
  }

  /** Cost by any mix of dimensions, dearest group first. @throws AppError invalid_value, insufficient_scope */
  async attribution(
    principal: Principal,
    query: { filter: UsageFilter; by: readonly Dimension[]; first: number; offset: number },
  ): Promise<CostAttribution> {
    checkFilter(query.filter, 'TOTAL');
    checkDimensions(query.by);
    if (query.by.length === 0) throw new AppError('invalid_value', 'Name at least one dimension.', { param: 'by' });
    const scope = scopeOf(principal);
    const { filter, by, first, offset } = query;
    return this.unitOfWork.read(async (tx) => {
      const { asOfMs, segments } = await this.#cover(tx, filter, 'TOTAL');
      const wish = {
        filter,
        scope,
        by,
        segments,
        granularity: 'TOTAL',
        limit: first + 1,
        offset,
        order: 'cost',
      } as const;
      const { points, total } = await this.reports.sum(tx, wish);
      return { asOfMs, rows: points.slice(0, first), total, hasNext: points.length > first };
    });
  }

  async #cover(
    tx: Tx,
    filter: UsageFilter,
    granularity: Granularity,
  ): Promise<{ readonly asOfMs: number; readonly segments: readonly Segment[] }> {
    const { state, asOfMs } = await this.rollups.view(tx);
    return { asOfMs, segments: coverRange(filter, state, coarsest(granularity, filter)) };
  }
}

function checkDimensions(by: readonly Dimension[]): void {
  if (by.length > MAX_DIMENSIONS || new Set(by).size !== by.length) {
    throw new AppError('invalid_value', `Group by at most ${String(MAX_DIMENSIONS)} different dimensions.`, {
      param: 'by',
    });
  }
}
