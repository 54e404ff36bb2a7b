import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { FocusFact } from '../domain/focus-row.js';
import { cursorRows } from './cursor.js';

/** Which usage an export is about. */
export interface FocusQuery {
  readonly orgId: string;
  readonly period: 'hour' | 'day';
  readonly currency: string;
  readonly includeSimulated: boolean;
  readonly investigations: readonly string[];
  readonly teams: readonly string[];
  readonly users: readonly string[];
}

interface Row {
  readonly start: Date;
  readonly billed: Date;
  readonly billed_to: Date;
  readonly correction: boolean;
  readonly org_name: string | null;
  readonly investigation_id: string | null;
  readonly investigation: string | null;
  readonly provider: string;
  readonly vendor: string;
  readonly region: string | null;
  readonly deployment_id: string;
  readonly model: string;
  readonly upstream_model: string;
  readonly embedding: boolean;
  readonly meter: string | null;
  readonly tier: string | null;
  readonly price_id: string | null;
  readonly quantity: string | null;
  readonly unit_price: string | null;
  readonly cost: string;
  readonly user_id: string;
  readonly team: string | null;
  readonly operation_id: string | null;
  readonly credential_id: string | null;
  readonly criticality: string;
  readonly usage_source: string;
  readonly requests: string;
  readonly simulated: boolean;
}

const LENGTH_MS = { hour: 3_600_000, day: 86_400_000 } as const;
const TIMEOUT = '300s';

/** Usage as rows of the FOCUS specification need it. */
@Injectable()
export class FocusRepository {
  /** Everything charged for attempts that began from `fromMs` to `toMs`, both whole days, UTC; the same order each time. */
  async *findFacts(tx: Tx, query: FocusQuery, fromMs: number, toMs: number): AsyncGenerator<FocusFact> {
    await rowsOf(tx, { text: `SET LOCAL statement_timeout = '${TIMEOUT}'` });
    const values = [
      query.orgId,
      new Date(fromMs),
      new Date(toMs),
      query.currency,
      query.includeSimulated,
      query.period,
      query.investigations,
      query.teams,
      query.users,
    ];
    for await (const row of cursorRows<Row>(tx, FACTS, values)) yield toFact(row, query);
  }
}

const GROUP =
  'start, billed, correction, investigation_id, provider, deployment_id, model, upstream_model, meter, price_id, unit_price, tier, user_id, ' +
  'team_id, operation_id, credential_id, criticality, usage_source, simulated';

/** A correction is billed in the month it was recorded in; everything else in the month it was used in. */
const FACTS = `
  WITH facts AS (
    SELECT date_trunc($6, f.at, 'UTC') AS start, s.as_of IS NOT NULL AS correction,
           date_trunc('month', CASE WHEN s.as_of IS NULL THEN f.at ELSE f.recorded_at END, 'UTC') AS billed,
           f.investigation_id, f.provider, f.deployment_id, f.model, f.upstream_model, f.meter, f.price_id, f.unit_price, f.tier, f.user_id,
           f.team_id, f.operation_id, f.credential_id, f.criticality, f.usage_source, f.simulated, f.quantity, f.cost, f.request_id
      FROM usage_meter_fact f
      LEFT JOIN stated_month s ON f.source = 'adjustment' AND s.org_id = f.org_id AND s.currency = f.currency
        AND s.month = date_trunc('month', f.at, 'UTC')::date AND s.as_of < f.recorded_at
     WHERE f.org_id = $1 AND f.at >= $2 AND f.at < $3 AND f.currency = $4 AND ($5 OR NOT f.simulated)
       AND (cardinality($7::uuid[]) = 0 OR f.investigation_id = ANY($7)) AND (cardinality($8::uuid[]) = 0 OR f.team_id = ANY($8))
       AND (cardinality($9::uuid[]) = 0 OR f.user_id = ANY($9))),
  grouped AS (
    SELECT ${GROUP}, sum(quantity)::text AS quantity, sum(cost)::numeric(28,12)::text AS cost, count(DISTINCT request_id)::text AS requests
      FROM facts GROUP BY ${GROUP})
  SELECT g.start, g.billed, g.billed + interval '1 month' AS billed_to, g.correction, o.label AS org_name, g.investigation_id,
         i.label AS investigation, g.provider, coalesce(d.vendor, g.provider) AS vendor, d.region, g.deployment_id, g.model,
         g.upstream_model, coalesce(d.capabilities -> 'operations' = '["embeddings"]'::jsonb, false) AS embedding, g.meter,
         g.tier, g.price_id, g.quantity, g.unit_price::text AS unit_price, g.cost, g.user_id, t.label AS team, g.operation_id,
         g.credential_id, g.criticality, g.usage_source, g.requests, g.simulated
    FROM grouped g
    LEFT JOIN deployment_fact d ON d.id = g.deployment_id
    LEFT JOIN report_label o ON o.dimension = 'ORGANISATION' AND o.id = $1::uuid::text
    LEFT JOIN report_label i ON i.dimension = 'INVESTIGATION' AND i.id = g.investigation_id::text
    LEFT JOIN report_label t ON t.dimension = 'TEAM' AND t.id = g.team_id::text
   ORDER BY ${GROUP.split(', ')
     .map((name) => `g.${name}`)
     .join(', ')}`;

function toFact(row: Row, { orgId, period, currency }: FocusQuery): FocusFact {
  return {
    startMs: row.start.getTime(),
    endMs: row.start.getTime() + LENGTH_MS[period],
    billedFromMs: row.billed.getTime(),
    billedToMs: row.billed_to.getTime(),
    isCorrection: row.correction,
    currency,
    orgId,
    orgName: row.org_name,
    investigationId: row.investigation_id,
    investigation: row.investigation,
    provider: row.provider,
    vendor: row.vendor,
    region: row.region,
    deploymentId: row.deployment_id,
    model: row.model,
    upstreamModel: row.upstream_model,
    isEmbedding: row.embedding,
    meter: row.meter,
    tier: row.tier,
    priceId: row.price_id,
    quantity: row.quantity,
    unitPrice: row.unit_price,
    cost: row.cost,
    userId: row.user_id,
    team: row.team,
    operationId: row.operation_id,
    credentialId: row.credential_id,
    criticality: row.criticality,
    usageSource: row.usage_source,
    requests: row.requests,
    simulated: row.simulated,
  };
}
