import type { Keyset } from '../../platform/http/index.js';

/** The place of a row in a list ordered by creation. */
export function byCreation(row: { readonly createdAtMs: number; readonly id: string }): Keyset {
  return { key: String(row.createdAtMs), id: row.id };
}
