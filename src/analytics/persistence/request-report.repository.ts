import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { UsageScope } from '../domain/usage-filter.js';

/** A finished request as reports show it. */
export interface RequestFact {
  readonly requestId: string;
  readonly atMs: number;
  readonly userId: string;
  readonly investigationId: string | null;
  readonly operation: string;
  readonly requestedModel: string;
  readonly status: string;
  readonly http: number | null;
  readonly receipts: readonly string[];
  /** The `aip` member of the answer. */
  readonly aip: Readonly<Record<string, unknown>>;
}

interface Row {
  readonly request_id: string;
  readonly at: Date;
  readonly user_id: string;
  readonly investigation_id: string | null;
  readonly operation: string;
  readonly requested_model: string;
  readonly status: string;
  readonly http: number | null;
  readonly receipts: string[];
  readonly body: Record<string, unknown>;
}

const COLUMNS = 'request_id, at, user_id, investigation_id, operation, requested_model, status, http, receipts, body';
/** `$1` organisation, `$2` team or null, `$3` user or null. */
const SCOPE = 'org_id = $1 AND ($2::uuid IS NULL OR team_id = $2) AND ($3::uuid IS NULL OR user_id = $3)';

const fromRow = (row: Row): RequestFact => ({
  requestId: row.request_id,
  atMs: row.at.getTime(),
  userId: row.user_id,
  investigationId: row.investigation_id,
  operation: row.operation,
  requestedModel: row.requested_model,
  status: row.status,
  http: row.http,
  receipts: row.receipts,
  aip: row.body,
});

/** Reads the view of finished requests. */
@Injectable()
export class RequestReportRepository {
  /** One request inside the scope. */
  async find(tx: Tx, scope: UsageScope, requestId: string): Promise<RequestFact | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      { text: `SELECT ${COLUMNS} FROM request_fact WHERE ${SCOPE} AND request_id = $4` },
      [scope.orgId, scope.teamId, scope.userId, requestId],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Newest first. */
  async findPage(
    tx: Tx,
    scope: UsageScope,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly RequestFact[]> {
    const rows = await rowsOf<Row>(
      tx,
      {
        text: `SELECT ${COLUMNS} FROM request_fact WHERE ${SCOPE}
                  AND ($4::timestamptz IS NULL OR (at, request_id) < ($4, $5::uuid)) ORDER BY at DESC, request_id DESC LIMIT $6`,
      },
      [scope.orgId, scope.teamId, scope.userId, page.after?.key ?? null, page.after?.id ?? null, page.limit],
    );
    return rows.map(fromRow);
  }
}
