import { rowsOf, type Tx } from './unit-of-work.js';

/** A table of an organisation's things with `org_id`, `created_at` and `id`. Both members are our own text, never a caller's. */
export interface NewestFirst {
  readonly table: string;
  readonly columns: string;
}

/** One page of an organisation's rows, newest first, one more than `limit` when there are more. `after`: instant, RFC 3339, and id of
 *  the last row seen. */
export async function newestRows<Row>(
  tx: Tx,
  { table, columns }: NewestFirst,
  orgId: string,
  page: { readonly after: { readonly key: string; readonly id: string } | undefined; readonly limit: number },
): Promise<readonly Row[]> {
  return rowsOf<Row>(
    tx,
    {
      text: `SELECT ${columns} FROM ${table}
              WHERE org_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
              ORDER BY created_at DESC, id DESC LIMIT $4`,
    },
    [orgId, page.after?.key ?? null, page.after?.id ?? null, page.limit + 1],
  );
}
