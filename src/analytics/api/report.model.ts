import { ApiProperty } from '@nestjs/swagger';

import { formatInstant } from '../../platform/clock/index.js';
import { toWireMoney, type WireMoney } from '../../platform/money/index.js';
import type { UsagePoint } from '../domain/usage-totals.js';
import type { ReportJob } from '../persistence/report-job.repository.js';

/** A report and how far it is. */
export class ReportModel {
  @ApiProperty() readonly id!: string;
  @ApiProperty({ enum: ['usage', 'chargeback', 'focus'] }) readonly kind!: string;
  @ApiProperty({ enum: ['QUEUED', 'RUNNING', 'DONE', 'FAILED'] }) readonly state!: string;
  @ApiProperty({ description: 'Units (days, months) that are complete, and how many there are' })
  readonly progress!: { readonly done: number; readonly of: number; readonly rows: number; readonly bytes: number };
  @ApiProperty() readonly query!: Readonly<Record<string, unknown>>;
  @ApiProperty({ type: Object, nullable: true, description: 'Files with their SHA-256, query and exporter, when DONE' })
  readonly manifest!: Readonly<Record<string, unknown>> | null;
  @ApiProperty({ type: String, nullable: true }) readonly error!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Where the file is, when DONE' })
  readonly content!: string | null;
  @ApiProperty() readonly createdAt!: string;
  @ApiProperty({ type: String, nullable: true }) readonly finishedAt!: string | null;
  @ApiProperty() readonly expiresAt!: string;
}

/** The REST form of a job. */
export function toReportModel(job: ReportJob): ReportModel {
  const { kind, fromMs, toMs, ...query } = job.query;
  return {
    id: job.id,
    kind,
    state: job.state,
    progress: { done: job.unitsDone, of: job.units, rows: job.rows, bytes: job.bytes },
    query: { ...query, from: formatInstant(fromMs), to: formatInstant(toMs) },
    manifest: job.manifest,
    error: job.error,
    content: job.state === 'DONE' ? `/api/reports/${job.id}/content` : null,
    createdAt: formatInstant(job.createdAtMs),
    finishedAt: job.finishedAtMs === null ? null : formatInstant(job.finishedAtMs),
    expiresAt: formatInstant(job.expiresAtMs),
  };
}

/** One group as REST shows it. Counts beyond 2^53 do not occur in a lifetime; money is text. */
export interface UsagePointJson {
  readonly start: string | null;
  readonly key: readonly { readonly dimension: string; readonly id: string | null; readonly label: string | null }[];
  readonly requests: number;
  readonly tokens: Readonly<Record<string, number>>;
  readonly cost: WireMoney;
  readonly unconfirmed: WireMoney;
}

/** The REST form of a point. */
export function toPointJson({ startMs, key, totals }: UsagePoint): UsagePointJson {
  const { requests, tokens, cost, unconfirmed } = totals;
  const total = tokens.input + tokens.cachedInput + tokens.cacheWrite + tokens.output + tokens.reasoning;
  const counts = Object.entries({ ...tokens, total }).map(([name, count]) => [name, Number(count)] as const);
  return {
    start: startMs === null ? null : formatInstant(startMs),
    key,
    requests: Number(requests),
    tokens: Object.fromEntries(counts),
    cost: toWireMoney(cost),
    unconfirmed: toWireMoney(unconfirmed),
  };
}
