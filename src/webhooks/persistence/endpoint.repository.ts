import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Keyset } from '../../platform/http/index.js';
import type { DisabledBecause, Endpoint, SignatureScheme, StoredKey } from '../domain/webhook.js';

interface EndpointRow {
  readonly id: string;
  readonly org_id: string;
  readonly url: string;
  readonly description: string;
  readonly event_types: readonly string[];
  readonly format: Endpoint['format'];
  readonly state: Endpoint['state'];
  readonly disabled_because: DisabledBecause | null;
  readonly failing_since: Date | null;
  readonly version: number;
  readonly created_at: Date;
}

interface KeyRow {
  readonly id: string;
  readonly endpoint_id: string;
  readonly scheme: SignatureScheme;
  readonly sealed: Buffer;
  readonly sealed_with: string;
  readonly public_key: string | null;
  readonly created_at: Date;
  readonly retires_at: Date | null;
}

const toEndpoint = (row: EndpointRow): Endpoint => ({
  id: row.id,
  orgId: row.org_id,
  url: row.url,
  description: row.description,
  eventTypes: row.event_types,
  format: row.format,
  state: row.state,
  disabledBecause: row.disabled_because,
  failingSinceMs: row.failing_since?.getTime() ?? null,
  version: row.version,
  createdAtMs: row.created_at.getTime(),
});

const toKey = (row: KeyRow): StoredKey => ({
  id: row.id,
  endpointId: row.endpoint_id,
  scheme: row.scheme,
  sealed: row.sealed,
  sealedWith: row.sealed_with,
  publicKey: row.public_key,
  createdAtMs: row.created_at.getTime(),
  retiresAtMs: row.retires_at?.getTime() ?? null,
});

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** Rows of webhook_endpoint and webhook_key. */
@Injectable()
export class EndpointRepository {
  async insert(tx: Tx, endpoint: Endpoint): Promise<void> {
    await rowsOf(
      tx,
      {
        text: `INSERT INTO webhook_endpoint (id, org_id, url, description, event_types, format, state, version, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, 'enabled', $7, $8)`,
      },
      [
        endpoint.id,
        endpoint.orgId,
        endpoint.url,
        endpoint.description,
        endpoint.eventTypes,
        endpoint.format,
        endpoint.version,
        new Date(endpoint.createdAtMs),
      ],
    );
  }

  /** Writes everything that may change, provided the row is still at `basis`. Returns whether it was. */
  async update(tx: Tx, endpoint: Endpoint, basis: number): Promise<boolean> {
    const rows = await rowsOf(
      tx,
      {
        text: `UPDATE webhook_endpoint SET url = $3, description = $4, event_types = $5, format = $6, state = $7,
                      disabled_because = $8, failing_since = $9, version = $10
                WHERE id = $1 AND version = $2 RETURNING id`,
      },
      [
        endpoint.id,
        basis,
        endpoint.url,
        endpoint.description,
        endpoint.eventTypes,
        endpoint.format,
        endpoint.state,
        endpoint.disabledBecause,
        dateOf(endpoint.failingSinceMs),
        endpoint.version,
      ],
    );
    return rows.length === 1;
  }

  /** With its keys and its delivery log. */
  async remove(tx: Tx, id: string, basis: number): Promise<boolean> {
    const rows = await rowsOf(
      tx,
      { text: 'DELETE FROM webhook_endpoint WHERE id = $1 AND version = $2 RETURNING id' },
      [id, basis],
    );
    return rows.length === 1;
  }

  /** Locks the row until the transaction ends. */
  async findForUpdate(tx: Tx, orgId: string, id: string): Promise<Endpoint | undefined> {
    const [row] = await rowsOf<EndpointRow>(
      tx,
      { text: 'SELECT * FROM webhook_endpoint WHERE org_id = $1 AND id = $2 FOR UPDATE' },
      [orgId, id],
    );
    return row === undefined ? undefined : toEndpoint(row);
  }

  async find(tx: Tx, orgId: string, id: string): Promise<Endpoint | undefined> {
    const [row] = await rowsOf<EndpointRow>(
      tx,
      { text: 'SELECT * FROM webhook_endpoint WHERE org_id = $1 AND id = $2' },
      [orgId, id],
    );
    return row === undefined ? undefined : toEndpoint(row);
  }

  async count(tx: Tx, orgId: string): Promise<number> {
    const [row] = await rowsOf<{ n: number }>(
      tx,
      { text: 'SELECT count(*)::int AS n FROM webhook_endpoint WHERE org_id = $1' },
      [orgId],
    );
    return row?.n ?? 0;
  }

  /** In the order of creation. */
  async findPage(
    tx: Tx,
    orgId: string,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Endpoint[]> {
    const rows = await rowsOf<EndpointRow>(
      tx,
      {
        text: `SELECT * FROM webhook_endpoint WHERE org_id = $1 AND (created_at, id) > ($2::timestamptz, $3::uuid)
                ORDER BY created_at, id LIMIT $4`,
      },
      [
        orgId,
        new Date(Number(page.after?.key ?? 0)),
        page.after?.id ?? '00000000-0000-0000-0000-000000000000',
        page.limit,
      ],
    );
    return rows.map(toEndpoint);
  }

  /** Enabled ones of these organisations, ordered by id. */
  async findEnabled(tx: Tx, orgIds: readonly string[]): Promise<readonly Endpoint[]> {
    const rows = await rowsOf<EndpointRow>(
      tx,
      { text: `SELECT * FROM webhook_endpoint WHERE org_id = ANY($1) AND state = 'enabled' ORDER BY id` },
      [orgIds],
    );
    return rows.map(toEndpoint);
  }

  async insertKeys(tx: Tx, keys: readonly StoredKey[]): Promise<void> {
    for (const key of keys) {
      await rowsOf(
        tx,
        {
          text: `INSERT INTO webhook_key (id, endpoint_id, scheme, sealed, sealed_with, public_key, created_at, retires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        },
        [
          key.id,
          key.endpointId,
          key.scheme,
          key.sealed,
          key.sealedWith,
          key.publicKey,
          new Date(key.createdAtMs),
          dateOf(key.retiresAtMs),
        ],
      );
    }
  }

  /** Present keys sign until `atMs`; those that retire earlier stay as they are. */
  async retireKeys(tx: Tx, endpointId: string, atMs: number): Promise<void> {
    await rowsOf(tx, { text: 'UPDATE webhook_key SET retires_at = $2 WHERE endpoint_id = $1 AND retires_at IS NULL' }, [
      endpointId,
      new Date(atMs),
    ]);
  }

  /** Forgets keys that do not sign any more. */
  async removeRetiredKeys(tx: Tx, atMs: number): Promise<void> {
    await rowsOf(tx, { text: 'DELETE FROM webhook_key WHERE retires_at <= $1' }, [new Date(atMs)]);
  }

  /** Keys that sign at an instant, newest first; by endpoint and creation. */
  async findKeys(tx: Tx, endpointIds: readonly string[], atMs: number): Promise<readonly StoredKey[]> {
    const rows = await rowsOf<KeyRow>(
      tx,
      {
        text: `SELECT * FROM webhook_key WHERE endpoint_id = ANY($1) AND (retires_at IS NULL OR retires_at > $2)
                ORDER BY endpoint_id, created_at DESC, id DESC`,
      },
      [endpointIds, new Date(atMs)],
    );
    return rows.map(toKey);
  }

  /** Notes a success (null) or since when nothing arrives; an earlier begin stays. Returns the state after it. */
  async noteHealth(tx: Tx, id: string, failedAtMs: number | null): Promise<Endpoint | undefined> {
    const [row] = await rowsOf<EndpointRow>(
      tx,
      {
        text:
          failedAtMs === null
            ? 'UPDATE webhook_endpoint SET failing_since = NULL WHERE id = $1 RETURNING *'
            : 'UPDATE webhook_endpoint SET failing_since = coalesce(failing_since, $2) WHERE id = $1 RETURNING *',
      },
      failedAtMs === null ? [id] : [id, new Date(failedAtMs)],
    );
    return row === undefined ? undefined : toEndpoint(row);
  }
}
