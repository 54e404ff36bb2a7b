import { hash } from 'node:crypto';

import { z } from 'zod';

import { AppError } from '../errors/index.js';

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

/** Query members of every list: `?limit=1..200&cursor=…`. Extend it with the list's own filters. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
  cursor: z.string().max(500).optional(),
});

/** One page of a list; `next` is null on the last. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly next: string | null;
}

/** A place in a stable order: the sort key and id of the last row seen. */
export interface Keyset {
  readonly key: string;
  readonly id: string;
}

function filterTag(filter: unknown): string {
  return hash('sha256', JSON.stringify(filter ?? null), 'hex').slice(0, 12);
}

/** Writes a cursor that only fits lists with the same filter. */
export function encodeCursor(keyset: Keyset, filter?: unknown): string {
  return Buffer.from(JSON.stringify([keyset.key, keyset.id, filterTag(filter)])).toString('base64url');
}

/** Reads a cursor; null is none, as GraphQL clients say it. Attacker-controlled.
 *  @throws AppError invalid_value — not ours, or of another filter */
export function decodeCursor(cursor: string | null | undefined, filter?: unknown): Keyset | undefined {
  if (cursor === undefined || cursor === null) return undefined;
  const refusal = new AppError('invalid_value', 'This cursor does not belong to this list. Start again without one.', {
    param: 'cursor',
  });
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw refusal;
  }
  if (!Array.isArray(parts) || parts.length !== 3 || parts.some((part) => typeof part !== 'string')) throw refusal;
  const [key, id, tag] = parts as [string, string, string];
  if (tag !== filterTag(filter)) throw refusal;
  return { key, id };
}

/** Cuts `rows` (read with `limit + 1`) to a page and makes its cursor. */
export function toPage<Row, T>(
  rows: readonly Row[],
  options: {
    readonly limit: number;
    readonly keyset: (row: Row) => Keyset;
    readonly map: (row: Row) => T;
    readonly filter?: unknown;
  },
): Page<T> {
  const shown = rows.slice(0, options.limit);
  const last = shown.at(-1);
  const more = rows.length > options.limit && last !== undefined;
  return { data: shown.map(options.map), next: more ? encodeCursor(options.keyset(last), options.filter) : null };
}
