export { AnalyticsModule } from './analytics.module.js';
export { ReportRunner } from './reports/report-runner.js';
export { ReportsService } from './reports/reports.service.js';
export type { ReportQuery } from './domain/report-query.js';
export { UsageReportService } from './usage-report.service.js';
