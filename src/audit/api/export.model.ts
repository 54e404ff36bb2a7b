import { ApiProperty } from '@nestjs/swagger';

import { formatInstant } from '../../platform/clock/index.js';
import type { ExportJob } from '../persistence/export.repository.js';

/** An evidence bundle and how far it is. */
export class ExportModel {
  @ApiProperty() readonly id!: string;
  @ApiProperty({ enum: ['QUEUED', 'RUNNING', 'DONE', 'FAILED'] }) readonly state!: string;
  @ApiProperty({ description: 'Records that are written, of how many; length of the zip file so far' })
  readonly progress!: { readonly done: number; readonly of: number; readonly bytes: number };
  @ApiProperty({ type: String, nullable: true }) readonly investigation!: string | null;
  @ApiProperty({ enum: ['range', 'stubs'] }) readonly mode!: string;
  @ApiProperty() readonly recipient!: string;
  @ApiProperty({
    type: Object,
    nullable: true,
    description:
      'When DONE: SHA-256 of the zip file, receipt of the record that signs it, ranges and counts of each log',
  })
  readonly result!: Readonly<Record<string, unknown>> | null;
  @ApiProperty({ type: String, nullable: true }) readonly error!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Where the bundle is, when released' })
  readonly bundle!: string | null;
  @ApiProperty() readonly createdAt!: string;
  @ApiProperty({ type: String, nullable: true }) readonly finishedAt!: string | null;
  @ApiProperty({ type: String, nullable: true }) readonly releasedAt!: string | null;
  @ApiProperty() readonly expiresAt!: string;
}

const instant = (atMs: number | null): string | null => (atMs === null ? null : formatInstant(atMs));

/** The REST form of a job. */
export function toExportModel(job: ExportJob): ExportModel {
  const { investigation, mode, recipient } = job.wish;
  return {
    id: job.id,
    state: job.state,
    progress: { done: job.done, of: job.total, bytes: job.bytes },
    investigation,
    mode,
    recipient,
    result: job.result,
    error: job.error,
    bundle: job.state === 'DONE' && job.releasedAtMs !== null ? `/api/audit/exports/${job.id}/bundle` : null,
    createdAt: formatInstant(job.createdAtMs),
    finishedAt: instant(job.finishedAtMs),
    releasedAt: instant(job.releasedAtMs),
    expiresAt: formatInstant(job.expiresAtMs),
  };
}
