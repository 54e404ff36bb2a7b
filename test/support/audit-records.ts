import { rows } from './rows.js';

/** A record of the evidence log, as its bytes say. */
export interface AuditRecord {
  readonly id: string;
  readonly type: string;
  readonly pub: Readonly<Record<string, unknown>>;
  readonly ref?: string;
}

/** All records of a database, lane by lane in order. */
export async function auditRecords(databaseUrl: string): Promise<readonly AuditRecord[]> {
  const batches = await rows<{ body: Buffer }>(databaseUrl, 'SELECT body FROM audit_batch ORDER BY log_id, lane, n0');
  return batches.flatMap(({ body }) =>
    body
      .toString('utf8')
      .split('\n')
      .map((line) => JSON.parse(line) as AuditRecord),
  );
}

/** The records of one request. */
export async function recordsOf(databaseUrl: string, requestId: string): Promise<readonly AuditRecord[]> {
  return (await auditRecords(databaseUrl)).filter(({ pub }) => pub['req'] === requestId);
}
