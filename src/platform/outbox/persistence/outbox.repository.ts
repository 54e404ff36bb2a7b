import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../database/unit-of-work.js';
import type { EventType, OutboxEvent, StoredEvent } from '../outbox-event.js';

interface Row {
  readonly position: string;
  readonly id: string;
  readonly org_id: string;
  readonly type: string;
  readonly at: Date;
  readonly data: Record<string, unknown>;
}

const MAX_READ = 500;
/** Advisory lock of whoever numbers notices. Held until COMMIT, so that numbers become visible in their order. */
const PUBLISH_LOCK = 4_242_010;

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

  /** Numbers notices whose transaction has ended, oldest first, at most 500; nothing while another publisher does. A notice can
   *  be numbered only when it is visible: one that commits late gets a late number and is not missed. */
  async publish(tx: Tx): Promise<number> {
    const [lock] = await rowsOf<{ got: boolean }>(
      tx,
      { name: 'outbox_publish_lock', text: 'SELECT pg_try_advisory_xact_lock($1) AS got' },
      [PUBLISH_LOCK],
    );
    if (lock?.got !== true) return 0;
    // A statement of its own: its snapshot is younger than the lock, so it sees all that earlier publishers numbered.
    const rows = await rowsOf(tx, {
      name: 'outbox_publish',
      text: `UPDATE outbox SET position = fresh.position
               FROM (SELECT seq, nextval('outbox_position') AS position
                       FROM (SELECT seq FROM outbox WHERE position IS NULL ORDER BY seq LIMIT ${String(MAX_READ)}) waiting) fresh
              WHERE outbox.seq = fresh.seq
             RETURNING outbox.seq`,
    });
    return rows.length;
  }

  /** Published notices after `seq`, in order, at most 500. */
  async findAfter(tx: Tx, seq: number): Promise<readonly StoredEvent[]> {
    const rows = await rowsOf<Row>(
      tx,
      {
        text: `SELECT position, id, org_id, type, at, data FROM outbox WHERE position > $1 ORDER BY position LIMIT ${String(MAX_READ)}`,
      },
      [seq],
    );
    return rows.map((row) => ({
      seq: Number(row.position),
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

  /** The newest number that was published, 0 when there is none. */
  async findHead(tx: Tx): Promise<number> {
    const [row] = await rowsOf<{ head: string }>(tx, { text: 'SELECT coalesce(max(position), 0) AS head FROM outbox' });
    return Number(row?.head ?? 0);
  }
}
