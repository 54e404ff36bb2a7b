import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

/** What is remembered of a finished call. */
export interface GenerationRow {
  readonly requestId: string;
  readonly orgId: string;
  readonly atMs: number;
  readonly userId: string;
  readonly teamId: string | null;
  readonly keyId: string | null;
  readonly investigationId: string | null;
  readonly clientRequestId: string | null;
  readonly operation: 'chat' | 'embeddings';
  readonly requestedModel: string;
  readonly status: 'ok' | 'failed' | 'torn' | 'client_closed' | 'not_sent' | 'unknown';
  readonly http: number | null;
  /** Intent's, then outcome's. */
  readonly receipts: readonly string[];
  /** The `aip` member as the caller saw it. */
  readonly body: Readonly<Record<string, unknown>>;
}

interface Row {
  readonly request_id: string;
  readonly org_id: string;
  readonly at: Date;
  readonly user_id: string;
  readonly team_id: string | null;
  readonly key_id: string | null;
  readonly investigation_id: string | null;
  readonly client_request_id: string | null;
  readonly operation: GenerationRow['operation'];
  readonly requested_model: string;
  readonly status: GenerationRow['status'];
  readonly http: number | null;
  readonly receipts: string[];
  readonly body: Record<string, unknown>;
}

const COLUMNS = `request_id, org_id, at, user_id, team_id, key_id, investigation_id, client_request_id, operation,
  requested_model, status, http, receipts, body`;

const fromRow = (row: Row): GenerationRow => ({
  requestId: row.request_id,
  orgId: row.org_id,
  atMs: row.at.getTime(),
  userId: row.user_id,
  teamId: row.team_id,
  keyId: row.key_id,
  investigationId: row.investigation_id,
  clientRequestId: row.client_request_id,
  operation: row.operation,
  requestedModel: row.requested_model,
  status: row.status,
  http: row.http,
  receipts: row.receipts,
  body: row.body,
});

/** Rows of generation. */
@Injectable()
export class GenerationRepository {
  /** Remembers finished calls, in the flush that settles them. */
  async insert(tx: Tx, rows: readonly GenerationRow[]): Promise<void> {
    if (rows.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'generation_insert',
        text: `INSERT INTO generation (${COLUMNS})
               SELECT g.request_id, g.org_id, g.at, g.user_id, g.team_id, g.key_id, g.investigation_id, g.client_request_id, g.operation,
                      g.requested_model, g.status, g.http, ARRAY(SELECT jsonb_array_elements_text(g.receipts)), g.body
                 FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[],
                             $9::text[], $10::text[], $11::text[], $12::int[], $13::jsonb[], $14::jsonb[])
                   AS g(request_id, org_id, at, user_id, team_id, key_id, investigation_id, client_request_id, operation,
                        requested_model, status, http, receipts, body)`,
      },
      [
        rows.map(({ requestId }) => requestId),
        rows.map(({ orgId }) => orgId),
        rows.map(({ atMs }) => new Date(atMs)),
        rows.map(({ userId }) => userId),
        rows.map(({ teamId }) => teamId),
        rows.map(({ keyId }) => keyId),
        rows.map(({ investigationId }) => investigationId),
        rows.map(({ clientRequestId }) => clientRequestId),
        rows.map(({ operation }) => operation),
        rows.map(({ requestedModel }) => requestedModel),
        rows.map(({ status }) => status),
        rows.map(({ http }) => http),
        rows.map(({ receipts }) => JSON.stringify(receipts)),
        rows.map(({ body }) => JSON.stringify(body)),
      ],
    );
  }

  /** A finished call of an organisation. */
  async find(tx: Tx, orgId: string, requestId: string): Promise<GenerationRow | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      { text: `SELECT ${COLUMNS} FROM generation WHERE org_id = $1 AND request_id = $2` },
      [orgId, requestId],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Ledger entries of a request, oldest first. */
  async findLedger(tx: Tx, orgId: string, requestId: string): Promise<readonly Record<string, unknown>[]> {
    return rowsOf<Record<string, unknown>>(
      tx,
      {
        text: `SELECT kind, at, amount, currency, reason FROM call_ledger WHERE org_id = $1 AND request_id = $2 ORDER BY at, kind`,
      },
      [orgId, requestId],
    );
  }
}
