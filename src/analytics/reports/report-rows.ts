import { Injectable } from '@nestjs/common';

import { RollupsService } from '../../metering/index.js';
import { UnitOfWork, type Tx } from '../../platform/database/index.js';
import { coverRange } from '../domain/cover-range.js';
import { exportLine } from '../domain/export-lines.js';
import { focusHeader } from '../domain/focus-columns.js';
import { focusRow } from '../domain/focus-row.js';
import { CHARGEBACK_BY, type ReportQuery, type ReportUnit } from '../domain/report-query.js';
import { usageHeader, usageRow } from '../domain/usage-row.js';
import { FocusRepository } from '../persistence/focus.repository.js';
import { UsageReportRepository } from '../persistence/usage-report.repository.js';

/** Groups of one unit. Beyond it a report is refused rather than cut. */
const MAX_GROUPS = 200_000;

/** The names of a report's columns, in order. */
export function headerOf(query: ReportQuery): readonly string[] {
  if (query.kind === 'focus') return focusHeader(query.spec);
  return usageHeader(query.kind === 'chargeback' ? CHARGEBACK_BY : query.by);
}

/** Makes the lines of a report's units. */
@Injectable()
export class ReportRows {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly rollups: RollupsService,
    private readonly usage: UsageReportRepository,
    private readonly focus: FocusRepository,
  ) {}

  /** Gives `take` the lines of one unit, in order, and waits for it: memory does not grow with their number. One view of the
   *  database serves the whole unit. Returns how many lines there were. */
  async write(
    orgId: string,
    query: ReportQuery,
    unit: ReportUnit,
    take: (line: string) => Promise<void> | undefined,
  ): Promise<number> {
    const header = headerOf(query);
    let count = 0;
    await this.unitOfWork.read(async (tx) => {
      for await (const cells of this.#cells(tx, orgId, query, unit)) {
        count += 1;
        const waiting = take(exportLine(query.format, header, cells));
        if (waiting !== undefined) await waiting;
      }
    });
    return count;
  }

  async *#cells(
    tx: Tx,
    orgId: string,
    query: ReportQuery,
    unit: ReportUnit,
  ): AsyncGenerator<ReturnType<typeof focusRow>> {
    if (query.kind === 'focus') {
      for await (const fact of this.focus.findFacts(tx, { ...query, orgId }, unit.fromMs, unit.toMs)) {
        yield focusRow(fact, query.spec);
      }
      return;
    }
    const isMonthly = query.kind === 'chargeback';
    const granularity = isMonthly ? 'TOTAL' : query.period === 'hour' ? 'HOUR' : 'DAY';
    const { state } = await this.rollups.view(tx);
    const { points } = await this.usage.sum(tx, {
      filter: {
        ...unit,
        timeZone: 'UTC',
        currency: query.currency,
        simulated: query.includeSimulated,
        investigations: query.investigations,
        teams: query.teams,
        users: query.users,
      },
      scope: { orgId, teamId: null, userId: null },
      granularity,
      by: isMonthly ? CHARGEBACK_BY : query.by,
      segments: coverRange(unit, state, granularity === 'HOUR' ? 'hour' : 'day'),
      limit: MAX_GROUPS + 1,
      offset: 0,
      order: 'time',
    });
    if (points.length > MAX_GROUPS) throw new RangeError('More groups in one unit than a report may have');
    for (const point of points) yield usageRow(point, unit.fromMs);
  }
}
