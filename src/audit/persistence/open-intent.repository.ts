import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

/** A call whose end is not on record yet. */
export interface OpenIntent {
  readonly requestId: string;
  readonly intentId: string;
  readonly deadlineAtMs: number;
}

/** Rows of audit_open_intent. */
@Injectable()
export class OpenIntentRepository {
  /** Adds calls that are about to be dispatched. */
  async insert(tx: Tx, lane: string, intents: readonly OpenIntent[], openedAtMs: number): Promise<void> {
    if (intents.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'audit_open_intent_insert',
        text: `INSERT INTO audit_open_intent (req, intent_id, lane, opened_at, deadline_at)
               SELECT i.req, i.intent_id, $3, $4, i.deadline_at FROM unnest($1::uuid[], $2::uuid[], $5::timestamptz[]) AS i(req, intent_id, deadline_at)`,
      },
      [
        intents.map(({ requestId }) => requestId),
        intents.map(({ intentId }) => intentId),
        lane,
        new Date(openedAtMs),
        intents.map(({ deadlineAtMs }) => new Date(deadlineAtMs)),
      ],
    );
  }

  /** Takes the right to end these calls; a call that is not returned was ended by somebody else. */
  async take(tx: Tx, requestIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (requestIds.length === 0) return new Set();
    const rows = await rowsOf<{ req: string }>(
      tx,
      { name: 'audit_open_intent_take', text: 'DELETE FROM audit_open_intent WHERE req = ANY($1) RETURNING req' },
      [requestIds],
    );
    return new Set(rows.map(({ req }) => req));
  }

  /** Calls nobody will end: their lane is closed, or they are a minute past their deadline. Oldest first. */
  async findOrphans(
    tx: Tx,
    nowMs: number,
    limit: number,
  ): Promise<readonly { readonly requestId: string; readonly intentId: string }[]> {
    const rows = await rowsOf<{ req: string; intent_id: string }>(
      tx,
      {
        text: `SELECT i.req, i.intent_id FROM audit_open_intent i JOIN audit_lane l USING (lane)
                WHERE l.closed_at IS NOT NULL OR i.deadline_at < $1::timestamptz - interval '60 s' ORDER BY i.opened_at LIMIT $2`,
      },
      [new Date(nowMs), limit],
    );
    return rows.map((row) => ({ requestId: row.req, intentId: row.intent_id }));
  }

  /** Every call that is open; as many as all replicas serve at once. */
  async findAll(tx: Tx): Promise<readonly string[]> {
    const rows = await rowsOf<{ req: string }>(tx, { text: 'SELECT req FROM audit_open_intent' });
    return rows.map(({ req }) => req);
  }

  /** Those of these requests that are open. */
  async findOpen(tx: Tx, requestIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (requestIds.length === 0) return new Set();
    const rows = await rowsOf<{ req: string }>(tx, { text: 'SELECT req FROM audit_open_intent WHERE req = ANY($1)' }, [
      requestIds,
    ]);
    return new Set(rows.map(({ req }) => req));
  }

  /** How many calls are open. */
  async count(tx: Tx): Promise<number> {
    const [row] = await rowsOf<{ n: string }>(tx, { text: 'SELECT count(*) AS n FROM audit_open_intent' });
    return Number(row?.n ?? 0);
  }
}
