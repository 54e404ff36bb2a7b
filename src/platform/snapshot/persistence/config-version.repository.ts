import { rowsOf, type Tx } from '../../database/unit-of-work.js';

/** Channel on which replicas hear of a new configuration. */
export const CONFIG_CHANNEL = 'aip_config';

/** The version of the configuration as this transaction sees it. */
export async function readConfigVersion(tx: Tx): Promise<number> {
  const [row] = await rowsOf<{ version: string }>(tx, { text: 'SELECT version FROM config_version' });
  if (row === undefined) throw new Error('config_version has no row: the schema is not migrated');
  return Number(row.version);
}

/** Raises the version; other replicas hear of it when the transaction commits. */
export async function raiseConfigVersion(tx: Tx): Promise<void> {
  await rowsOf(tx, { text: 'UPDATE config_version SET version = version + 1, changed_at = now()' });
  await rowsOf(tx, { text: `SELECT pg_notify($1, '')` }, [CONFIG_CHANNEL]);
}
