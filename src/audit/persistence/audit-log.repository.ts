import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

/** One log: an organisation's half-year. */
export interface AuditLog {
  readonly id: number;
  readonly origin: string;
  readonly orgId: string;
  readonly period: string;
}

interface Row {
  readonly log_id: number;
  readonly origin: string;
  readonly org_id: string;
  readonly slug: string;
}

const fromRow = (row: Row): AuditLog => ({ id: row.log_id, origin: row.origin, orgId: row.org_id, period: row.slug });

/** Rows of audit_log, and the partitions that each log needs. */
@Injectable()
export class AuditLogRepository {
  /** The log of an organisation and half-year. */
  async find(tx: Tx, orgId: string, period: string): Promise<AuditLog | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      {
        text: `SELECT log_id, origin, org_id, slug FROM audit_log WHERE org_id = $1 AND slug = $2 ORDER BY log_id DESC LIMIT 1`,
      },
      [orgId, period],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** The organisation's newest log of any half-year. */
  async findLatest(tx: Tx, orgId: string): Promise<AuditLog | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      { text: 'SELECT log_id, origin, org_id, slug FROM audit_log WHERE org_id = $1 ORDER BY log_id DESC LIMIT 1' },
      [orgId],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Every log, oldest first. */
  async findAll(tx: Tx): Promise<readonly AuditLog[]> {
    const rows = await rowsOf<Row>(tx, { text: 'SELECT log_id, origin, org_id, slug FROM audit_log ORDER BY log_id' });
    return rows.map(fromRow);
  }

  /** Adds a log; undefined when another process did so first. */
  async insert(tx: Tx, log: Omit<AuditLog, 'id'>, atMs: number): Promise<AuditLog | undefined> {
    const [row] = await rowsOf<Row>(
      tx,
      {
        text: `INSERT INTO audit_log (origin, slug, org_id, inception) VALUES ($1, $2, $3, $4)
               ON CONFLICT (origin) DO NOTHING RETURNING log_id, origin, org_id, slug`,
      },
      [log.origin, log.period, log.orgId, new Date(atMs)],
    );
    return row === undefined ? undefined : fromRow(row);
  }

  /** Settings in force here that let a crash take back what was confirmed. */
  async findLaxSettings(tx: Tx): Promise<readonly string[]> {
    const rows = await rowsOf<{ name: string }>(tx, {
      text: `SELECT name FROM unnest(ARRAY['fsync', 'synchronous_commit']) AS name WHERE current_setting(name) = 'off'`,
    });
    return rows.map(({ name }) => name);
  }

  /** Makes the partitions of a log for a month, triggers included; does nothing when they are there. */
  async ensurePartitions(tx: Tx, logId: number, month: string): Promise<void> {
    await rowsOf(tx, { text: 'SELECT audit_ensure_partitions($1, $2::date)' }, [logId, month]);
  }
}
