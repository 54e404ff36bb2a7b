import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import { formatAmount } from '../../platform/money/index.js';
import type { UsageRecord } from '../domain/usage-record.js';

/** Column, its type, and its value of a record. Order decides nothing. */
const COLUMNS: readonly (readonly [string, string, (record: UsageRecord) => unknown])[] = [
  ['id', 'uuid', (r) => r.id],
  ['org_id', 'uuid', (r) => r.orgId],
  ['at', 'timestamptz', (r) => new Date(r.atMs)],
  ['request_id', 'uuid', (r) => r.requestId],
  ['attempt', 'integer', (r) => r.attempt],
  ['provider_id', 'uuid', (r) => r.providerId],
  ['provider', 'text', (r) => r.provider],
  ['deployment_id', 'uuid', (r) => r.deploymentId],
  ['credential_id', 'uuid', (r) => r.credentialId ?? null],
  ['model', 'text', (r) => r.model],
  ['upstream_model', 'text', (r) => r.upstreamModel],
  ['team_id', 'uuid', (r) => r.teamId],
  ['user_id', 'uuid', (r) => r.userId],
  ['key_id', 'uuid', (r) => r.keyId],
  ['investigation_id', 'uuid', (r) => r.investigationId],
  ['operation_id', 'uuid', (r) => r.operationId],
  ['task', 'text', (r) => r.task],
  ['criticality', 'text', (r) => r.criticality],
  ['outcome', 'text', (r) => r.outcome],
  ['usage_source', 'text', (r) => r.usageSource],
  ['input', 'bigint', (r) => r.usage.input],
  ['cached_input', 'bigint', (r) => r.usage.cachedInput],
  ['cache_write', 'bigint', (r) => r.usage.cacheWrite],
  ['output', 'bigint', (r) => r.usage.output],
  ['reasoning', 'bigint', (r) => r.usage.reasoning],
  ['extras', 'jsonb', (r) => JSON.stringify(r.extras)],
  ['currency', 'text', (r) => r.currency],
  ['cost', 'numeric', (r) => formatAmount(r.cost)],
  ['price_ids', 'jsonb', (r) => JSON.stringify(r.priceIds)],
  ['simulated', 'boolean', (r) => r.simulated],
  ['unconfirmed', 'boolean', (r) => r.unconfirmed],
  ['assumed', 'boolean', (r) => r.assumed],
  ['overrun', 'boolean', (r) => r.overrun],
  ['latency_ms', 'integer', (r) => whole(r.latencyMs)],
  ['ttft_ms', 'integer', (r) => whole(r.ttftMs)],
  ['last_attempt', 'boolean', () => true],
];
const LAST_ATTEMPT = COLUMNS.length - 1;

const INSERT = {
  name: 'metering_usage_insert',
  text: `INSERT INTO usage_record (${COLUMNS.map(([name]) => name).join(', ')})
         SELECT * FROM unnest(${COLUMNS.map(([, type], index) => `$${String(index + 1)}::${type}[]`).join(', ')})`,
};

function whole(durationMs: number | null): number | null {
  return durationMs === null ? null : Math.round(durationMs);
}

/** All attempts of a request are written at once: the one with the highest number is its last. */
function isLastOf(records: readonly UsageRecord[]): boolean[] {
  const last = new Map<string, number>();
  for (const { requestId, attempt } of records) last.set(requestId, Math.max(attempt, last.get(requestId) ?? 0));
  return records.map(({ requestId, attempt }) => last.get(requestId) === attempt);
}

/** What was used; rows are only added. */
@Injectable()
export class UsageRecordRepository {
  /** Writes all records with one statement; all attempts of a request come in one call. Throws when the month of one has no partition. */
  async insert(tx: Tx, records: readonly UsageRecord[]): Promise<void> {
    if (records.length === 0) return;
    const values: unknown[][] = COLUMNS.map(([, , valueOf]) => records.map(valueOf));
    values[LAST_ATTEMPT] = isLastOf(records);
    await rowsOf(tx, INSERT, values);
  }

  /** Marks the hours of these instants: their sums are out of date. */
  async markLate(tx: Tx, instants: readonly number[], nowMs: number): Promise<void> {
    if (instants.length === 0) return;
    await rowsOf(
      tx,
      {
        text: `INSERT INTO usage_rollup_dirty (hour, marked_at)
               SELECT DISTINCT date_trunc('hour', at, 'UTC') AS hour, $2::timestamptz FROM unnest($1::timestamptz[]) AS t(at)
               ORDER BY hour
               ON CONFLICT (hour) DO UPDATE SET marked_at = least(usage_rollup_dirty.marked_at, excluded.marked_at)`,
      },
      [instants.map((atMs) => new Date(atMs)), new Date(nowMs)],
    );
  }

  /** Makes sure that each month from the one of `fromMs` on has its partitions. Returns how many tables were made.
   *  `months`: 1…60. */
  async ensureMonths(tx: Tx, fromMs: number, months: number): Promise<number> {
    const [row] = await rowsOf<{ made: number }>(tx, { text: 'SELECT metering_ensure_months($1::date, $2) AS made' }, [
      new Date(fromMs).toISOString().slice(0, 10),
      months,
    ]);
    return row?.made ?? 0;
  }
}
