import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';
import type { Attribution, Criticality } from '../../platform/security/index.js';

/** One place of the plan, with the prices its hold was made with. */
export interface OpenPlanEntry {
  readonly deploymentId: string;
  readonly providerId: string;
  readonly provider: string;
  readonly model: string;
  readonly upstreamModel: string;
  readonly simulated: boolean;
  /** Price versions and amounts (12 decimals) by meter. */
  readonly priceIds: Readonly<Record<string, string>>;
  readonly amounts: Readonly<Record<string, string>>;
}

/** Everything the reconciler needs to end a call whose process is gone. No prompt, no name. */
export interface OpenCallFacts {
  readonly attribution: Attribution;
  readonly criticality: Criticality;
  readonly task: string;
  readonly operation: 'chat' | 'embeddings';
  readonly requestedModel: string;
  readonly clientRequestId: string | null;
  readonly currency: string;
  readonly inputTokens: number;
  readonly outputBound: number;
  readonly intentReceiptOf: string;
  readonly openedAtMs: number;
  readonly plan: readonly OpenPlanEntry[];
}

/** Rows of open_call: calls between their two transactions. */
@Injectable()
export class OpenCallRepository {
  async insert(tx: Tx, calls: readonly { readonly requestId: string; readonly facts: OpenCallFacts }[]): Promise<void> {
    if (calls.length === 0) return;
    await rowsOf(
      tx,
      {
        name: 'open_call_insert',
        text: 'INSERT INTO open_call (request_id, facts) SELECT * FROM unnest($1::uuid[], $2::jsonb[])',
      },
      [calls.map(({ requestId }) => requestId), calls.map(({ facts }) => JSON.stringify(facts))],
    );
  }

  async delete(tx: Tx, requestIds: readonly string[]): Promise<void> {
    if (requestIds.length === 0) return;
    await rowsOf(tx, { name: 'open_call_delete', text: 'DELETE FROM open_call WHERE request_id = ANY($1)' }, [
      requestIds,
    ]);
  }

  /** Facts of calls by request id. */
  async find(tx: Tx, requestIds: readonly string[]): Promise<ReadonlyMap<string, OpenCallFacts>> {
    const rows = await rowsOf<{ request_id: string; facts: OpenCallFacts }>(
      tx,
      { text: 'SELECT request_id, facts FROM open_call WHERE request_id = ANY($1)' },
      [requestIds],
    );
    return new Map(rows.map((row) => [row.request_id, row.facts]));
  }
}
