import { z } from 'zod';

import { pageQuery } from '../../platform/http/index.js';
import type { ExportWish } from '../persistence/export.repository.js';

const LEAST_REASON = 20;
const reason = z
  .string()
  .min(LEAST_REASON, `say why, in at least ${String(LEAST_REASON)} characters`)
  .max(2_000);
const recipient = z.string().min(1).max(500);

/** `POST /api/audit/exports` */
export const newExportInput = z.strictObject({
  investigation: z.uuid().nullable().default(null),
  mode: z.enum(['range', 'stubs']).default('range'),
  from: z.iso.datetime({ offset: true }).nullable().default(null),
  to: z.iso.datetime({ offset: true }).nullable().default(null),
  recipient,
  reason,
  legalBasis: z.string().min(1).max(500).nullable().default(null),
});

/** `POST /api/audit/exports/{id}/release` */
export const releaseInput = z.strictObject({ recipient, reason });

/** Path of one bundle. */
export const exportIdPath = z.strictObject({ id: z.uuid() });

/** `GET /api/audit/exports` */
export const exportListQuery = pageQuery;

/** The order that an input asks for. */
export function toExportWish({ from, to, ...rest }: z.output<typeof newExportInput>): ExportWish {
  return { ...rest, fromMs: from === null ? null : Date.parse(from), toMs: to === null ? null : Date.parse(to) };
}
