import { z } from 'zod';

import { pageQuery } from '../../platform/http/index.js';
import { STATEMENT_SCOPES } from '../domain/statement-lines.js';

const month = z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'must be a month as YYYY-MM');
const code = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/, 'must be 1 to 100 letters, digits, . _ : or -');

/** A statement to be made. Without `scopeId` the organisation's. */
export const newStatementInput = z
  .strictObject({
    scopeType: z.enum(STATEMENT_SCOPES).default('ORGANISATION'),
    scopeId: z.string().min(1).max(200).optional(),
    month,
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
      .default('USD'),
    state: z.enum(['DRAFT', 'FINAL']).default('DRAFT'),
  })
  .refine(({ scopeType, scopeId }) => (scopeType === 'ORGANISATION') === (scopeId === undefined), {
    message: 'names whom the statement is about; the organisation needs none',
    path: ['scopeId'],
  });

/** `?month&limit&cursor` */
export const statementListQuery = pageQuery.extend({ month: month.optional() });
/** `?limit&cursor` */
export const statementLinesQuery = pageQuery;
/** `/{id}` */
export const statementPath = z.strictObject({ id: z.uuid() });

/** Which cost centre pays for a team or an investigation; null: none of its own. */
export const costCentresInput = z.strictObject({
  assignments: z
    .array(z.strictObject({ kind: z.enum(['INVESTIGATION', 'TEAM']), id: z.uuid(), costCentre: code.nullable() }))
    .min(1)
    .max(500),
});
