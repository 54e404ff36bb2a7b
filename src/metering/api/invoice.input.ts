import { z } from 'zod';

import { AppError } from '../../platform/errors/index.js';
import { pageQuery } from '../../platform/http/index.js';
import { readInvoiceCsv, toLine, type InvoiceDraft } from '../domain/invoice.js';
import { VERDICTS } from '../domain/reconcile.js';

const MAX_LINES = 100_000;
const MAX_TEXT = 16 * 1024 * 1024;
const name = z.string().min(1).max(200);
const decimal = z.string().regex(/^-?\d{1,16}(\.\d{1,12})?$/, 'must be a decimal string of at most 12 places');

const line = z.strictObject({
  kind: z.enum(['USAGE', 'CREDIT', 'TAX']).default('USAGE'),
  credential: name.optional(),
  day: z.iso.date().optional(),
  model: name.optional(),
  meter: name.optional(),
  quantity: z.string().max(40).optional(),
  amount: decimal,
});

/** An invoice: its lines as objects, or as CSV with a header. */
export const newInvoiceInput = z
  .strictObject({
    provider: z.string().min(1).max(100),
    number: z.string().min(1).max(100),
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
    from: z.iso.date(),
    to: z.iso.date(),
    lines: z.array(line).min(1).max(MAX_LINES).optional(),
    csv: z.string().min(1).max(MAX_TEXT).optional(),
  })
  .refine(({ lines, csv }) => (lines === undefined) !== (csv === undefined), {
    message: 'needs either lines or csv',
    path: ['lines'],
  });

/** `?limit&cursor` */
export const invoiceListQuery = pageQuery;
/** `/{id}` */
export const invoicePath = z.strictObject({ id: z.uuid() });
/** Which invoice to compare. */
export const newReconciliationInput = z.strictObject({ invoiceId: z.uuid() });
/** Why a variance shall be posted, and of which cells. */
export const proposalInput = z.strictObject({
  reason: z.string().min(20, 'needs at least 20 characters').max(500),
  verdicts: z
    .array(z.enum(VERDICTS).exclude(['MATCHED', 'ONLY_THEIRS']))
    .min(1)
    .default(['OVER', 'UNDER']),
});

/** The invoice of an input. @throws AppError invalid_value — names the line that cannot be read */
export function toInvoiceDraft(input: z.output<typeof newInvoiceInput>): InvoiceDraft {
  const { from, to, lines, csv, ...facts } = input;
  if (to < from) throw new AppError('invalid_value', 'to lies before from.', { param: 'to' });
  const read =
    csv === undefined
      ? (lines ?? []).map((one, index) => toLine(presentMembers(one), index + 1))
      : readInvoiceCsv(csv, MAX_LINES);
  if (read.length === 0) throw new AppError('invalid_value', 'The invoice has no line.', { param: 'csv' });
  return { ...facts, fromDay: from, toDay: to, lines: read };
}

function presentMembers(line: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const members = Object.entries(line);
  return Object.fromEntries(members.filter((member): member is [string, string] => member[1] !== undefined));
}
