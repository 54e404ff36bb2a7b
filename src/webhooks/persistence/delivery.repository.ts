import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { Delivery, DeliveryAttempt } from '../domain/webhook.js';

interface DeliveryRow {
  readonly id: string;
  readonly org_id: string;
  readonly endpoint_id: string;
  readonly message_id: string;
  readonly event_type: string;
  readonly seq: string | null;
  readonly body: string;
  readonly content_type: string;
  readonly replay_of: string | null;
  readonly state: Delivery['state'];
  readonly attempts: number;
  readonly next_at: Date | null;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}

interface AttemptRow {
  readonly n: number;
  readonly at: Date;
  readonly duration_ms: number;
  readonly status: number | null;
  readonly error: string | null;
}

const toDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  orgId: row.org_id,
  endpointId: row.endpoint_id,
  messageId: row.message_id,
  eventType: row.event_type,
  seq: row.seq === null ? null : Number(row.seq),
  body: row.body,
  contentType: row.content_type,
  replayOf: row.replay_of,
  state: row.state,
  attempts: row.attempts,
  nextAtMs: row.next_at?.getTime() ?? null,
  createdAtMs: row.created_at.getTime(),
  endedAtMs: row.ended_at?.getTime() ?? null,
});

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** Which deliveries are asked for. */
export interface DeliveryFilter {
  readonly endpointId: string;
  readonly state?: Delivery['state'] | undefined;
  readonly eventType?: string | undefined;
}

/** Rows of webhook_delivery, webhook_attempt and webhook_cursor. */
@Injectable()
export class DeliveryRepository {
  /** Locks the place up to which the outbox has been handed out; undefined while somebody else hands out. */
  async lockCursor(tx: Tx): Promise<number | undefined> {
    const [row] = await rowsOf<{ position: string }>(tx, {
      name: 'webhooks_cursor',
      text: 'SELECT position FROM webhook_cursor FOR UPDATE SKIP LOCKED',
    });
    return row === undefined ? undefined : Number(row.position);
  }

  async moveCursor(tx: Tx, position: number): Promise<void> {
    await rowsOf(tx, { text: 'UPDATE webhook_cursor SET position = $1' }, [position]);
  }

  /** Adds deliveries; one of a message that its endpoint has already is left out. */
  async insert(tx: Tx, deliveries: readonly Delivery[]): Promise<void> {
    for (const one of deliveries) {
      await rowsOf(
        tx,
        {
          name: 'webhooks_insert',
          text: `INSERT INTO webhook_delivery (id, org_id, endpoint_id, message_id, event_type, seq, body, content_type,
                                               replay_of, state, next_at, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', $10, $11)
                 ON CONFLICT (endpoint_id, message_id) WHERE replay_of IS NULL DO NOTHING`,
        },
        [
          one.id,
          one.orgId,
          one.endpointId,
          one.messageId,
          one.eventType,
          one.seq,
          one.body,
          one.contentType,
          one.replayOf,
          dateOf(one.nextAtMs),
          new Date(one.createdAtMs),
        ],
      );
    }
  }

  /** Takes what is due at enabled endpoints, in the order of the outbox, and counts the attempt. Nobody else takes it before
   *  `leaseMs` have passed: a process that died in between leaves it to be sent again. */
  async claimDue(
    tx: Tx,
    wish: {
      readonly atMs: number;
      readonly leaseMs: number;
      readonly perEndpoint: number;
      readonly limit: number;
      readonly busy: readonly string[];
    },
  ): Promise<readonly (Delivery & { readonly url: string })[]> {
    const rows = await rowsOf<DeliveryRow & { readonly url: string }>(
      tx,
      {
        name: 'webhooks_claim',
        text: `WITH due AS (
                 SELECT own.id FROM webhook_endpoint e CROSS JOIN LATERAL (
                   SELECT d.id FROM webhook_delivery d
                    WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.next_at <= $1
                    ORDER BY d.next_at, d.id LIMIT $3) own
                  WHERE e.state = 'enabled' AND e.id <> ALL($5) LIMIT $4),
               taken AS (
                 SELECT d.id FROM webhook_delivery d JOIN due USING (id)
                  WHERE d.state = 'pending' AND d.next_at <= $1 FOR UPDATE OF d SKIP LOCKED)
               UPDATE webhook_delivery d SET attempts = d.attempts + 1, next_at = $2
                 FROM taken, webhook_endpoint e WHERE d.id = taken.id AND e.id = d.endpoint_id
               RETURNING d.*, e.url`,
      },
      [new Date(wish.atMs), new Date(wish.atMs + wish.leaseMs), wish.perEndpoint, wish.limit, wish.busy],
    );
    const claimed = rows.map((row) => ({ ...toDelivery(row), url: row.url }));
    return claimed.sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0) || (a.id < b.id ? -1 : 1));
  }

  /** Notes an attempt and what follows from it; nothing when the delivery was removed meanwhile. */
  async noteAttempt(
    tx: Tx,
    deliveryId: string,
    attempt: DeliveryAttempt,
    next: { readonly state: Delivery['state']; readonly nextAtMs: number | null },
  ): Promise<void> {
    const found = await rowsOf(
      tx,
      {
        name: 'webhooks_note',
        text: `UPDATE webhook_delivery SET state = $2, next_at = $3, ended_at = $4
                WHERE id = $1 AND state = 'pending' AND attempts = $5 RETURNING id`,
      },
      [
        deliveryId,
        next.state,
        dateOf(next.nextAtMs),
        next.state === 'pending' ? null : new Date(attempt.atMs + attempt.durationMs),
        attempt.n,
      ],
    );
    if (found.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'webhooks_attempt',
        text: `INSERT INTO webhook_attempt (delivery_id, n, at, duration_ms, status, error) VALUES ($1, $2, $3, $4, $5, $6)`,
      },
      [deliveryId, attempt.n, new Date(attempt.atMs), attempt.durationMs, attempt.status, attempt.error],
    );
  }

  /** When the first attempt of a delivery began. */
  async findFirstAttemptMs(tx: Tx, deliveryId: string): Promise<number | undefined> {
    const [row] = await rowsOf<{ at: Date }>(
      tx,
      { text: 'SELECT at FROM webhook_attempt WHERE delivery_id = $1 ORDER BY n LIMIT 1' },
      [deliveryId],
    );
    return row?.at.getTime();
  }

  async find(tx: Tx, endpointId: string, id: string): Promise<Delivery | undefined> {
    const [row] = await rowsOf<DeliveryRow>(
      tx,
      { text: 'SELECT * FROM webhook_delivery WHERE endpoint_id = $1 AND id = $2' },
      [endpointId, id],
    );
    return row === undefined ? undefined : toDelivery(row);
  }

  /** Attempts of deliveries, by delivery, in order. */
  async findAttempts(tx: Tx, deliveryIds: readonly string[]): Promise<ReadonlyMap<string, readonly DeliveryAttempt[]>> {
    const rows = await rowsOf<AttemptRow & { readonly delivery_id: string }>(
      tx,
      { text: 'SELECT * FROM webhook_attempt WHERE delivery_id = ANY($1) ORDER BY delivery_id, n' },
      [deliveryIds],
    );
    const byDelivery = new Map<string, DeliveryAttempt[]>(deliveryIds.map((id) => [id, []]));
    for (const { delivery_id: id, n, at, duration_ms: durationMs, status, error } of rows)
      byDelivery.get(id)?.push({ n, atMs: at.getTime(), durationMs, status, error });
    return byDelivery;
  }

  /** Newest first. */
  async findPage(
    tx: Tx,
    filter: DeliveryFilter,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Delivery[]> {
    const rows = await rowsOf<DeliveryRow>(
      tx,
      {
        text: `SELECT * FROM webhook_delivery
                WHERE endpoint_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR event_type = $3)
                  AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
                ORDER BY created_at DESC, id DESC LIMIT $6`,
      },
      [
        filter.endpointId,
        filter.state ?? null,
        filter.eventType ?? null,
        page.after === undefined ? null : new Date(Number(page.after.key)),
        page.after?.id ?? null,
        page.limit,
      ],
    );
    return rows.map(toDelivery);
  }

  /** Forgets deliveries made before an instant, at most `limit`; returns how many. */
  async removeOlderThan(tx: Tx, atMs: number, limit: number): Promise<number> {
    const rows = await rowsOf(
      tx,
      {
        text: `DELETE FROM webhook_delivery WHERE id IN
                 (SELECT id FROM webhook_delivery WHERE created_at < $1 ORDER BY created_at LIMIT $2) RETURNING id`,
      },
      [new Date(atMs), limit],
    );
    return rows.length;
  }
}
