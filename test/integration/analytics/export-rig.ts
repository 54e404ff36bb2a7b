import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import type { AuditService } from '../../../src/audit/index.js';
import { ReportRunner, ReportsService, UsageReportService, type ReportQuery } from '../../../src/analytics/index.js';
import { FocusRepository } from '../../../src/analytics/persistence/focus.repository.js';
import { ReportJobRepository, type ReportJob } from '../../../src/analytics/persistence/report-job.repository.js';
import { UsageReportRepository } from '../../../src/analytics/persistence/usage-report.repository.js';
import { ReportRows } from '../../../src/analytics/reports/report-rows.js';
import { newId } from '../../../src/platform/ids/index.js';
import type { Principal } from '../../../src/platform/security/index.js';
import { rows } from '../../support/rows.js';
import { ORG, USER } from '../budgets/ledger-world.js';
import type { ReportingWorld } from '../metering/reporting-world.js';

const inflate = promisify(gunzip);

/** Somebody who may see everything. */
export const PRINCIPAL = {
  kind: 'user',
  orgId: ORG,
  userId: USER,
  teamId: null,
  permissions: new Set(['usage:read:all', 'report:export']),
} as unknown as Principal;

/** Reports and exports over a world of usage. */
export class ExportRig {
  readonly audited: unknown[] = [];
  readonly jobs = new ReportJobRepository();
  readonly lines: ReportRows;
  readonly runner: ReportRunner;
  readonly reports: ReportsService;
  readonly usage: UsageReportService;

  constructor(readonly world: ReportingWorld) {
    const { unitOfWork, rollups, clock } = world;
    const usage = new UsageReportRepository();
    this.lines = new ReportRows(unitOfWork, rollups, usage, new FocusRepository());
    this.runner = new ReportRunner(unitOfWork, this.jobs, this.lines, clock);
    const audit = { recordDraft: (_: unknown, draft: unknown) => Promise.resolve(void this.audited.push(draft)) };
    this.reports = new ReportsService(unitOfWork, this.jobs, audit as unknown as AuditService, clock);
    this.usage = new UsageReportService(unitOfWork, usage, rollups);
  }

  /** Orders a file and makes it. */
  async make(query: Partial<ReportQuery> & Pick<ReportQuery, 'kind' | 'fromMs' | 'toMs'>): Promise<ReportJob> {
    const job = await this.reports.start(PRINCIPAL, aQuery(query), newId());
    while (await this.runner.runNext());
    return this.reports.find(PRINCIPAL, job.id);
  }

  /** The file of a job, from a byte on. */
  async text(job: ReportJob, fromByte = 0): Promise<string> {
    const { pieces } = await this.reports.content(PRINCIPAL, job.id, fromByte);
    const parts: Buffer[] = [];
    for await (const piece of pieces) parts.push(piece);
    return Buffer.concat(parts).toString('utf8');
  }

  /** What lies in the database of a job's file. */
  async stored(id: string): Promise<string> {
    const chunks = await rows<{ content: Buffer }>(
      this.world.url,
      'SELECT content FROM report_chunk WHERE job_id = $1 ORDER BY n',
      [id],
    );
    return Buffer.concat(await Promise.all(chunks.map(({ content }) => inflate(content)))).toString('utf8');
  }
}

/** A query with what callers leave out. */
export function aQuery(query: Partial<ReportQuery> & Pick<ReportQuery, 'kind' | 'fromMs' | 'toMs'>): ReportQuery {
  return {
    format: 'csv',
    currency: 'USD',
    includeSimulated: false,
    investigations: [],
    teams: [],
    users: [],
    by: ['INVESTIGATION', 'MODEL'],
    period: 'day',
    spec: '1.2',
    ...query,
  };
}
