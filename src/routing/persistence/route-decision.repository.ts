import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

/** A decision as it is kept. */
export interface DecisionRow {
  readonly requestId: string;
  readonly orgId: string;
  readonly atMs: number;
  /** 64 lower-case hex digits: hash of the configuration snapshot. */
  readonly snapshot: string;
  /** 64 lower-case hex digits: SHA-256 of `body`. */
  readonly sha256: string;
  /** RFC 8785 JSON. */
  readonly body: Buffer;
}

interface Row {
  readonly request_id: string;
  readonly org_id: string;
  readonly at: Date;
  readonly snapshot: string;
  readonly digest: Buffer;
  readonly body: Buffer;
}

const DAY_MS = 86_400_000;

/** Milliseconds that a UUIDv7 was made at. Source: RFC 9562 §5.7. */
function madeAtMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Route decisions: added, never changed. */
@Injectable()
export class RouteDecisionRepository {
  /** Adds decisions in one statement. */
  async insert(tx: Tx, rows: readonly DecisionRow[]): Promise<void> {
    if (rows.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'route_decision_insert',
        text: `INSERT INTO route_decision (request_id, org_id, at, snapshot, digest, body)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::bytea[], $6::bytea[])`,
      },
      [
        rows.map(({ requestId }) => requestId),
        rows.map(({ orgId }) => orgId),
        rows.map(({ atMs }) => new Date(atMs)),
        rows.map(({ snapshot }) => snapshot),
        rows.map(({ sha256 }) => Buffer.from(sha256, 'hex')),
        rows.map(({ body }) => body),
      ],
    );
  }

  /** The decision of a request. The id says when it was made, so that one or two months are read. */
  async find(tx: Tx, orgId: string, requestId: string): Promise<DecisionRow | undefined> {
    const madeAt = madeAtMs(requestId);
    const [row] = await rowsOf<Row>(
      tx,
      {
        name: 'route_decision_find',
        text: `SELECT request_id, org_id, at, snapshot, digest, body FROM route_decision
               WHERE request_id = $1 AND org_id = $2 AND at BETWEEN $3 AND $4`,
      },
      [requestId, orgId, new Date(madeAt - DAY_MS), new Date(madeAt + DAY_MS)],
    );
    if (row === undefined) return undefined;
    return {
      requestId: row.request_id,
      orgId: row.org_id,
      atMs: row.at.getTime(),
      snapshot: row.snapshot,
      sha256: row.digest.toString('hex'),
      body: row.body,
    };
  }

  /** Makes the partitions of a month and the ones after it; existing ones stay. Returns how many were made. */
  async ensureMonths(tx: Tx, fromMs: number, months: number): Promise<number> {
    const [row] = await rowsOf<{ made: number }>(tx, { text: 'SELECT routing_ensure_months($1::date, $2) AS made' }, [
      new Date(fromMs).toISOString().slice(0, 10),
      months,
    ]);
    return row?.made ?? 0;
  }
}
