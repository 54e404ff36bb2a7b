import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import { formatAmount, parseAmount, type PicoUsd } from '../../platform/money/index.js';
import type { CellKey, OurCell } from '../domain/reconcile.js';

/** Which charges are compared: one provider's, in one currency, whole days. */
export interface ChargeRange {
  readonly orgId: string;
  readonly provider: string;
  readonly currency: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What one meter of one attempt was charged, or one attempt over all meters. */
export interface Charge {
  readonly usageId: string;
  readonly atMs: number;
  readonly requestId: string;
  readonly cost: PicoUsd;
}

/** A correction of a charge. */
export interface Adjustment extends Omit<Charge, 'cost'> {
  readonly id: string;
  readonly orgId: string;
  readonly ledgerEntryId: string;
  readonly meter: string | null;
  readonly currency: string;
  /** Never zero. */
  readonly amount: PicoUsd;
  readonly reason: string;
  readonly ref: string;
  readonly recordedAtMs: number;
}

const RANGE = 'f.org_id = $1 AND f.provider = $2 AND f.currency = $3 AND f.at >= $4 AND f.at < $5';
const valuesOf = ({ orgId, provider, currency, fromMs, toMs }: ChargeRange): unknown[] => [
  orgId,
  provider,
  currency,
  new Date(fromMs),
  new Date(toMs),
];

/** Charges by meter, and what is added to them afterwards; rows are only added. */
@Injectable()
export class ChargeRepository {
  /** What was charged per day, credential, model and meter, corrections included; amounts without a meter stand under `other`. */
  async sumCells(tx: Tx, range: ChargeRange): Promise<readonly OurCell[]> {
    const rows = await rowsOf<{
      day: string;
      credential: string | null;
      model: string;
      meter: string;
      amount: string;
      quantity: string;
      unconfirmed: string;
      counted: string;
      assumed: string;
    }>(
      tx,
      {
        text: `SELECT to_char(f.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, f.credential_id::text AS credential, f.upstream_model AS model,
                      coalesce(f.meter, 'other') AS meter, sum(f.cost)::numeric(28,12) AS amount,
                      coalesce(sum(f.quantity), 0)::bigint AS quantity,
                      coalesce(sum(f.cost) FILTER (WHERE f.unconfirmed), 0)::numeric(28,12) AS unconfirmed,
                      coalesce(sum(f.cost) FILTER (WHERE f.usage_source = 'counted'), 0)::numeric(28,12) AS counted,
                      coalesce(sum(f.cost) FILTER (WHERE f.assumed), 0)::numeric(28,12) AS assumed
                 FROM usage_meter_fact f WHERE ${RANGE} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
      },
      valuesOf(range),
    );
    return rows.map((row) => ({
      day: row.day,
      credential: row.credential,
      model: row.model,
      meter: row.meter,
      amount: parseAmount(row.amount),
      quantity: BigInt(row.quantity),
      unconfirmed: parseAmount(row.unconfirmed),
      counted: parseAmount(row.counted),
      assumed: parseAmount(row.assumed),
    }));
  }

  /** The charges of a cell, one per attempt, by id; one more than `limit` when there are more. */
  async findCharges(tx: Tx, range: ChargeRange, cell: CellKey, limit: number): Promise<readonly Charge[]> {
    const dayMs = Date.parse(cell.day);
    const day = { ...range, fromMs: dayMs, toMs: dayMs + 86_400_000 };
    const rows = await rowsOf<{ id: string; at: Date; request_id: string; cost: string }>(
      tx,
      {
        text: `SELECT f.id, f.at, f.request_id, sum(f.cost)::numeric(28,12) AS cost FROM usage_meter_fact f
                WHERE ${RANGE} AND f.source = 'usage' AND f.upstream_model = $6 AND ($7::text IS NULL OR coalesce(f.meter, 'other') = $7)
                  AND ($8::text IS NULL OR f.credential_id::text = $8)
                GROUP BY f.id, f.at, f.request_id ORDER BY f.id LIMIT $9`,
      },
      [...valuesOf(day), cell.model, cell.meter, cell.credential, limit + 1],
    );
    return rows.map((row) => ({
      usageId: row.id,
      atMs: row.at.getTime(),
      requestId: row.request_id,
      cost: parseAmount(row.cost),
    }));
  }

  /** Adds corrections. */
  async insertAdjustments(tx: Tx, adjustments: readonly Adjustment[]): Promise<void> {
    if (adjustments.length === 0) return;
    await rowsOf(
      tx,
      {
        text: `INSERT INTO usage_adjustment (id, org_id, usage_id, at, request_id, ledger_entry_id, meter, currency, amount, reason, ref,
                                             recorded_at)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
                 $9::numeric[], $10::text[], $11::text[], $12::timestamptz[])`,
      },
      [
        adjustments.map((one) => one.id),
        adjustments.map((one) => one.orgId),
        adjustments.map((one) => one.usageId),
        adjustments.map((one) => new Date(one.atMs)),
        adjustments.map((one) => one.requestId),
        adjustments.map((one) => one.ledgerEntryId),
        adjustments.map((one) => one.meter),
        adjustments.map((one) => one.currency),
        adjustments.map((one) => formatAmount(one.amount)),
        adjustments.map((one) => one.reason),
        adjustments.map((one) => one.ref),
        adjustments.map((one) => new Date(one.recordedAtMs)),
      ],
    );
  }
}
