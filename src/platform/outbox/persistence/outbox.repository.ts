import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../database/unit-of-work.js';
import type { EventType, OutboxEvent, StoredEvent } from '../outbox-event.js';

interface Row {
  readonly seq: string;
  readonly id: string;
  readonly org_id: string;
  readonly type: string;
  readonly at: Date;
  readonly data: Record<string, unknown>;
}

const MAX_READ = 500;

/** Rows of the outbox. */
@Injectable()
export class OutboxRepository {
  /** Writes notices in the transaction of the fact they announce. */
  async insert(tx: Tx, events: readonly OutboxEvent[]): Promise<void> {
    if (events.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'outbox_insert',
        text: `INSERT INTO outbox (id, org_id, type, at, data)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::jsonb[])`,
      },
      [
        events.map(({ id }) => id),
        events.map(({ orgId }) => orgId),
        events.map(({ type }) => type),
        events.map(({ atMs }) => new Date(atMs)),
        events.map(({ data }) => JSON.stringify(data)),
      ],
    );
  }

  /** Notices after `seq`, oldest first, at most 500. */
  async findAfter(tx: Tx, seq: number): Promise<readonly StoredEvent[]> {
    const rows = await rowsOf<Row>(
      tx,
      {
        text: `SELECT seq, id, org_id, type, at, data FROM outbox WHERE seq > $1 ORDER BY seq LIMIT ${String(MAX_READ)}`,
      },
      [seq],
    );
    return rows.map((row) => ({
      seq: Number(row.seq),
      id: row.id,
      orgId: row.org_id,
      type: row.type as StoredEvent['type'],
      atMs: row.at.getTime(),
      data: row.data,
    }));
  }

  /** The organisation of the newest notice of a type that carries these members; undefined when there is none (any more). */
  async findOrganisation(
    tx: Tx,
    type: EventType,
    members: Readonly<Record<string, string>>,
  ): Promise<string | undefined> {
    const [row] = await rowsOf<{ org_id: string }>(
      tx,
      { text: 'SELECT org_id FROM outbox WHERE type = $1 AND data @> $2::jsonb ORDER BY seq DESC LIMIT 1' },
      [type, JSON.stringify(members)],
    );
    return row?.org_id;
  }

  /** The newest sequence number, 0 when there is none. */
  async findHead(tx: Tx): Promise<number> {
    const [row] = await rowsOf<{ head: string }>(tx, { text: 'SELECT coalesce(max(seq), 0) AS head FROM outbox' });
    return Number(row?.head ?? 0);
  }
}
